/*
 * mkperf POOL lz4|zstd|gzip|off VDEV... : makes large benchmark pools in seconds, in user
 * space and without a kernel module, through Debian's libzpool (package
 * libzpool6linux, bookworm-backports; see setup-openzfs.sh).
 *
 * Datasets, each with a snapshot @s; one of size 0 is not made:
 *   big     128K records, 8 objects        (BIG MiB, default 1024)
 *   bigrec  1M records, 4 objects          (BIGREC MiB, default 0)
 *   vol8k   a volume of 8K blocks          (VOL MiB, default 256)
 *           or vol512 and so on            (VOLBS bytes a block, VOLN blocks instead of VOL)
 *   small   one-block 2K objects           (SMALL objects, default 50000)
 *   sparse  128K records, one object of    (SPARSE blocks spread evenly, and the last one;
 *           1 TiB, nearly all holes         default 0)
 *   gcm     as big, AES-256-GCM            (ENC MiB, default 0)
 *   ccm     as big, AES-256-CCM            (a quarter of ENC)
 *   many/dN N from 0 to MANY - 1, filesystems of nothing with the snapshot s, each with a property
 *   snaps   the snapshots sN, N from 0 to SNAPS - 1
 *   fN      N from 0 to FILES - 1: 128K records, 4 objects, of a MiB altogether each
 * The raw key of gcm and ccm goes to the file KEY. RAND = percent of each block that is
 * random (default 50, the rest is text); VDEVMB = size of each vdev file (default 6144);
 * FULL=1 leaves no hole in it: noise where the pool writes nothing; ASHIFT = its sectors
 * (default 12); RAIDZ=n makes one raidzN of them. Nothing is read again: a small cache does.
 *
 * Build: gcc -O1 -w mkperf.c -o mkperf -lzpool -lnvpair -lm -lpthread
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
typedef struct spa spa_t; typedef struct objset objset_t; typedef struct dmu_tx dmu_tx_t; typedef struct nvlist nvlist_t;
void kernel_init(int);
int spa_create(const char *, nvlist_t *, nvlist_t *, nvlist_t *, void *);
int spa_open(const char *, spa_t **, const void *); void spa_close(spa_t *, const void *);
int spa_export(const char *, nvlist_t **, int, int); void *spa_get_dsl(spa_t *);
int dmu_objset_create(const char *, int, uint64_t, void *, void *, void *);
int dmu_objset_own(const char *, int, int, int, const void *, objset_t **);
int dsl_crypto_params_create_nvlist(int, nvlist_t *, nvlist_t *, void **); void dsl_crypto_params_free(void *, int);
void dmu_objset_disown(objset_t *, int, const void *);
int dmu_objset_snapshot_one(const char *, const char *); uint64_t dmu_objset_id(objset_t *);
int dsl_dataset_snapshot(nvlist_t *, nvlist_t *, nvlist_t *); void fnvlist_add_boolean(nvlist_t *, const char *);
dmu_tx_t *dmu_tx_create(objset_t *); int dmu_tx_assign(dmu_tx_t *, uint64_t); void dmu_tx_commit(dmu_tx_t *);
void dmu_tx_hold_bonus(dmu_tx_t *, uint64_t); void dmu_tx_hold_write(dmu_tx_t *, uint64_t, uint64_t, int);
void dmu_tx_hold_zap(dmu_tx_t *, uint64_t, int, const char *);
uint64_t dmu_object_alloc(objset_t *, int, int, int, int, dmu_tx_t *);
int dmu_object_claim(objset_t *, uint64_t, int, int, int, int, dmu_tx_t *);
int zap_create_claim(objset_t *, uint64_t, int, int, int, dmu_tx_t *);
int zap_update(objset_t *, uint64_t, const char *, int, uint64_t, const void *, dmu_tx_t *);
void dmu_write(objset_t *, uint64_t, uint64_t, uint64_t, const void *, dmu_tx_t *);
void txg_wait_synced(void *, uint64_t); int dsl_prop_set_int(const char *, const char *, int, uint64_t);
nvlist_t *fnvlist_alloc(void); void fnvlist_add_string(nvlist_t *, const char *, const char *);
void fnvlist_add_uint64(nvlist_t *, const char *, uint64_t);
void fnvlist_add_nvlist_array(nvlist_t *, const char *, nvlist_t **, unsigned);
void fnvlist_add_uint8_array(nvlist_t *, const char *, const uint8_t *, unsigned);
extern uint64_t zfs_arc_min, zfs_arc_max;
enum { OST_ZVOL = 3, OST_OTHER = 4, OT_NONE = 0, OT_ZVOL = 23, OT_ZVOL_PROP = 24, OT_UINT64_OTHER = 26, WAIT = 1 };
enum { CCM = 5, GCM = 8, KEYFORMAT_RAW = 1 };
#define	NEW_OBJECT (-1ULL)
#define	MIN(a, b) ((a) < (b) ? (a) : (b))
#define	OK(e) do { int e_ = (e); if (e_) { fprintf(stderr, "%s: error %d\n", #e, e_); exit(1); } } while (0)
static uint64_t x = 88172645463325252ULL;
static uint64_t rnd(void) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; return (x); }
static long env(const char *n, long d) { char *s = getenv(n); return (s ? atol(s) : d); }

static void
fill(char *b, size_t n)
{
	static const char *w[] = { "zpool ", "vdev ", "dnode ", "objset ", "txg ", "birth ", "snapshot ", "record ", "stream ", "block " };
	size_t k = n * env("RAND", 50) / 100 / 8, o = 0;
	for (size_t i = 0; i < k; i++, o += 8) { uint64_t r = rnd(); memcpy(b + o, &r, 8); }
	while (o < n) { const char *s = w[rnd() % 10]; size_t l = strlen(s); if (l > n - o) l = n - o; memcpy(b + o, s, l); o += l; }
}

static uint8_t *
key(void)
{
	static uint8_t k[32]; static int made; FILE *f;
	if (made) return (k);
	for (int i = 0; i < 4; i++) { uint64_t r = rnd(); memcpy(k + 8 * i, &r, 8); }
	if (!getenv("KEY") || !(f = fopen(getenv("KEY"), "w"))) { fprintf(stderr, "KEY: no file for the key\n"); exit(1); }
	OK(fwrite(k, sizeof (k), 1, f) != 1); OK(fclose(f)); made = 1;
	return (k);
}

/* A dataset: total bytes in nobj objects, of which each gap (0: bs, no holes) has its first block; crypt 0 is none. */
static void
mk(spa_t *spa, const char *pool, const char *ds, int ost, int bs, uint64_t total, long nobj, int bonus, uint64_t gap, int crypt)
{
	char name[256]; objset_t *os; dmu_tx_t *tx; void *dcp = NULL;
	/* Neighbours go in one transaction: the time is that of transactions. */
	uint64_t piece = gap || bs > 128 << 10 ? bs : 128 << 10; char *b = malloc(piece);
	if (total == 0) return;
	snprintf(name, sizeof (name), "%s/%s", pool, ds);
	if (crypt) {
		nvlist_t *props = fnvlist_alloc(), *args = fnvlist_alloc();
		fnvlist_add_uint64(props, "encryption", crypt); fnvlist_add_uint64(props, "keyformat", KEYFORMAT_RAW);
		fnvlist_add_string(props, "keylocation", "prompt"); fnvlist_add_uint8_array(args, "wkeydata", key(), 32);
		OK(dsl_crypto_params_create_nvlist(0, props, args, &dcp));
	}
	OK(dmu_objset_create(name, ost, 0, dcp, NULL, NULL)); if (dcp) dsl_crypto_params_free(dcp, 0);
	OK(dmu_objset_own(name, ost, 0, 1, mk, &os));
	if (ost == OST_ZVOL) {
		tx = dmu_tx_create(os); dmu_tx_hold_bonus(tx, NEW_OBJECT); dmu_tx_hold_zap(tx, NEW_OBJECT, 1, NULL);
		OK(dmu_tx_assign(tx, WAIT));
		OK(dmu_object_claim(os, 1, OT_ZVOL, bs, OT_NONE, 0, tx));
		OK(zap_create_claim(os, 2, OT_ZVOL_PROP, OT_NONE, 0, tx));
		OK(zap_update(os, 2, "size", 8, 1, &total, tx)); dmu_tx_commit(tx);
	}
	for (long i = 0; i < nobj; i++) {
		uint64_t obj = 1, per = total / nobj;
		if (ost != OST_ZVOL) {
			tx = dmu_tx_create(os); dmu_tx_hold_bonus(tx, NEW_OBJECT); OK(dmu_tx_assign(tx, WAIT));
			obj = dmu_object_alloc(os, OT_UINT64_OTHER, bs, bonus ? OT_UINT64_OTHER : OT_NONE, bonus, tx); dmu_tx_commit(tx);
		}
		for (uint64_t o = 0, n; o < per; ) {
			n = MIN(piece, per - o);
			for (uint64_t k = 0; k < n; k += bs) fill(b + k, bs);
			tx = dmu_tx_create(os); dmu_tx_hold_write(tx, obj, o, n); OK(dmu_tx_assign(tx, WAIT));
			dmu_write(os, obj, o, n, b, tx); dmu_tx_commit(tx);
			o += !gap ? n : o + gap < per || o + bs == per ? gap : per - bs - o;
		}
	}
	txg_wait_synced(spa_get_dsl(spa), 0);
	OK(dmu_objset_snapshot_one(name, "s"));
	printf("%s\n", name); dmu_objset_disown(os, 1, mk); free(b);
}

static void
many(const char *pool, long datasets, long snaps)
{
	char name[256]; nvlist_t *all = fnvlist_alloc();
	if (datasets) {
		snprintf(name, sizeof (name), "%s/many", pool); OK(dmu_objset_create(name, 2 /* DMU_OST_ZFS */, 0, NULL, NULL, NULL));
		strcat(name, "@s"); fnvlist_add_boolean(all, name);
	}
	for (long i = 0; i < datasets; i++) {
		snprintf(name, sizeof (name), "%s/many/d%ld", pool, i); OK(dmu_objset_create(name, 2 /* DMU_OST_ZFS */, 0, NULL, NULL, NULL));
		if (i % 10 == 0) OK(dsl_prop_set_int(name, "compression", 8, 15));
		strcat(name, "@s"); fnvlist_add_boolean(all, name);
		/* As many as one txg has room for. */
		if (i % 500 == 499 || i == datasets - 1) { OK(dsl_dataset_snapshot(all, NULL, NULL)); all = fnvlist_alloc(); }
	}
	if (snaps) { snprintf(name, sizeof (name), "%s/snaps", pool); OK(dmu_objset_create(name, OST_OTHER, 0, NULL, NULL, NULL)); }
	for (long i = 0; i < snaps; i++) { char s[32]; snprintf(s, sizeof (s), "s%ld", i); OK(dmu_objset_snapshot_one(name, s)); }
}

int
main(int argc, char **argv)
{
	static const char *features[] = { "async_destroy", "empty_bpobj", "lz4_compress", "spacemap_histogram", "enabled_txg", "hole_birth",
	    "extensible_dataset", "embedded_data", "bookmarks", "large_blocks", "large_dnode", "sha512", "skein", "spacemap_v2", "zstd_compress", "blake3" };
	if (argc < 4) { fprintf(stderr, "usage: mkperf POOL lz4|zstd|gzip|off VDEV...\n"); return (2); }
	char *pool = argv[1], s[128]; int n = argc - 3; spa_t *spa;
	static uint64_t noise[1 << 17]; for (int i = 0; i < 1 << 17; i++) noise[i] = rnd();
	zfs_arc_min = 1 << 28; zfs_arc_max = 1 << 29; kernel_init(1 | 2);
	nvlist_t **kids = calloc(n, sizeof (*kids)), *root = fnvlist_alloc(), *props = fnvlist_alloc();
	for (int i = 0; i < n; i++) {
		int fd = open(argv[3 + i], O_CREAT | O_TRUNC | O_RDWR, 0644); OK(ftruncate(fd, env("VDEVMB", 6144) << 20));
		for (long m = 0; env("FULL", 0) && m < env("VDEVMB", 6144); m++) OK(pwrite(fd, noise, sizeof (noise), m << 20) != sizeof (noise));
		close(fd);
		kids[i] = fnvlist_alloc(); fnvlist_add_string(kids[i], "type", "file"); fnvlist_add_string(kids[i], "path", argv[3 + i]);
		fnvlist_add_uint64(kids[i], "ashift", env("ASHIFT", 12)); fnvlist_add_uint64(kids[i], "is_log", 0);
	}
	if (env("RAIDZ", 0)) {
		nvlist_t *top = fnvlist_alloc(); fnvlist_add_string(top, "type", "raidz"); fnvlist_add_uint64(top, "nparity", env("RAIDZ", 0));
		fnvlist_add_uint64(top, "ashift", env("ASHIFT", 12)); fnvlist_add_uint64(top, "is_log", 0);
		fnvlist_add_nvlist_array(top, "children", kids, n); kids[0] = top; n = 1;
	}
	fnvlist_add_string(root, "type", "root"); fnvlist_add_nvlist_array(root, "children", kids, n);
	for (int i = 0; i < sizeof (features) / sizeof (*features); i++) { snprintf(s, sizeof (s), "feature@%s", features[i]); fnvlist_add_uint64(props, s, 0); }
	if (env("ENC", 0)) fnvlist_add_uint64(props, "feature@encryption", 0);
	fnvlist_add_string(props, "cachefile", "none");
	OK(spa_create(pool, root, props, NULL, NULL)); OK(spa_open(pool, &spa, main));
	OK(dsl_prop_set_int(pool, "compression", 8 /* ZPROP_SRC_LOCAL */, !strcmp(argv[2], "gzip") ? 10 : !strcmp(argv[2], "lz4") ? 15 : !strcmp(argv[2], "zstd") ? 16 : 2));
	uint64_t vbs = env("VOLBS", 8 << 10), vn = env("VOLN", (env("VOL", 256) << 20) / vbs);
	snprintf(s, sizeof (s), vbs < 1024 ? "vol%d" : "vol%dk", (int)(vbs < 1024 ? vbs : vbs >> 10));
	mk(spa, pool, "big", OST_OTHER, 128 << 10, env("BIG", 1024) << 20, 8, 0, 0, 0);
	mk(spa, pool, "bigrec", OST_OTHER, 1 << 20, env("BIGREC", 0) << 20, 4, 0, 0, 0);
	mk(spa, pool, s, OST_ZVOL, vbs, vn * vbs, 1, 0, 0, 0);
	mk(spa, pool, "small", OST_OTHER, 2048, env("SMALL", 50000) * 2048, env("SMALL", 50000), 168, 0, 0);
	if (env("SPARSE", 0)) mk(spa, pool, "sparse", OST_OTHER, 128 << 10, 1ULL << 40, 1, 0, (1ULL << 40) / env("SPARSE", 1), 0);
	mk(spa, pool, "gcm", OST_OTHER, 128 << 10, env("ENC", 0) << 20, 8, 0, 0, GCM);
	mk(spa, pool, "ccm", OST_OTHER, 128 << 10, env("ENC", 0) << 18, 8, 0, 0, CCM);
	many(pool, env("MANY", 0), env("SNAPS", 0));
	for (long i = 0; i < env("FILES", 0); i++) { snprintf(s, sizeof (s), "f%ld", i); mk(spa, pool, s, OST_OTHER, 128 << 10, 1 << 20, 4, 0, 0, 0); }
	spa_close(spa, main); OK(spa_export(pool, NULL, 0, 0));
	/* The pool is on disk; emptying the cache block by block would take longer than making it. */
	fflush(stdout); _exit(0);
}
