/*
 * mkperf POOL lz4|zstd|gzip|off VDEV... : makes large benchmark pools in seconds, in user
 * space and without a kernel module, through Debian's libzpool (package
 * libzpool6linux, bookworm-backports; see setup-openzfs.sh).
 *
 * Datasets, each with a snapshot @s:
 *   big     128K records, 8 objects        (BIG MiB, default 1024)
 *   bigrec  1M records, 4 objects          (BIGREC MiB, default 0)
 *   vol8k   a volume of 8K blocks          (VOL MiB, default 256)
 *   small   one-block 2K objects           (SMALL objects, default 50000)
 * RAND = percent of each block that is random (default 50, the rest is text);
 * VDEVMB = size of each vdev file (default 6144); RAIDZ=n makes one raidzN of them.
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
void kernel_init(int); void kernel_fini(void);
int spa_create(const char *, nvlist_t *, nvlist_t *, nvlist_t *, void *);
int spa_open(const char *, spa_t **, const void *); void spa_close(spa_t *, const void *);
int spa_export(const char *, nvlist_t **, int, int); void *spa_get_dsl(spa_t *);
int dmu_objset_create(const char *, int, uint64_t, void *, void *, void *);
int dmu_objset_own(const char *, int, int, int, const void *, objset_t **);
void dmu_objset_disown(objset_t *, int, const void *);
int dmu_objset_snapshot_one(const char *, const char *); uint64_t dmu_objset_id(objset_t *);
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
enum { OST_ZVOL = 3, OST_OTHER = 4, OT_NONE = 0, OT_ZVOL = 23, OT_ZVOL_PROP = 24, OT_UINT64_OTHER = 26, WAIT = 1 };
#define	NEW_OBJECT (-1ULL)
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

static void
mk(spa_t *spa, const char *pool, const char *ds, int ost, int bs, uint64_t total, long nobj, int bonus)
{
	char name[256]; objset_t *os; char *b = malloc(bs); dmu_tx_t *tx;
	if (total == 0) return;
	snprintf(name, sizeof (name), "%s/%s", pool, ds);
	OK(dmu_objset_create(name, ost, 0, NULL, NULL, NULL));
	OK(dmu_objset_own(name, ost, 0, 0, mk, &os));
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
		for (uint64_t o = 0; o < per; o += bs) {
			fill(b, bs);
			tx = dmu_tx_create(os); dmu_tx_hold_write(tx, obj, o, bs); OK(dmu_tx_assign(tx, WAIT));
			dmu_write(os, obj, o, bs, b, tx); dmu_tx_commit(tx);
		}
	}
	txg_wait_synced(spa_get_dsl(spa), 0);
	OK(dmu_objset_snapshot_one(name, "s"));
	printf("%s\n", name); dmu_objset_disown(os, 0, mk); free(b);
}

int
main(int argc, char **argv)
{
	static const char *features[] = { "async_destroy", "empty_bpobj", "lz4_compress", "spacemap_histogram", "enabled_txg", "hole_birth",
	    "extensible_dataset", "embedded_data", "bookmarks", "large_blocks", "large_dnode", "sha512", "skein", "spacemap_v2", "zstd_compress", "blake3" };
	if (argc < 4) { fprintf(stderr, "usage: mkperf POOL lz4|zstd|gzip|off VDEV...\n"); return (2); }
	char *pool = argv[1], s[128]; int n = argc - 3; spa_t *spa;
	kernel_init(1 | 2);
	nvlist_t **kids = calloc(n, sizeof (*kids)), *root = fnvlist_alloc(), *props = fnvlist_alloc();
	for (int i = 0; i < n; i++) {
		int fd = open(argv[3 + i], O_CREAT | O_TRUNC | O_RDWR, 0644); OK(ftruncate(fd, env("VDEVMB", 6144) << 20)); close(fd);
		kids[i] = fnvlist_alloc(); fnvlist_add_string(kids[i], "type", "file"); fnvlist_add_string(kids[i], "path", argv[3 + i]);
		fnvlist_add_uint64(kids[i], "ashift", 12); fnvlist_add_uint64(kids[i], "is_log", 0);
	}
	if (env("RAIDZ", 0)) {
		nvlist_t *top = fnvlist_alloc(); fnvlist_add_string(top, "type", "raidz"); fnvlist_add_uint64(top, "nparity", env("RAIDZ", 0));
		fnvlist_add_uint64(top, "ashift", 12); fnvlist_add_uint64(top, "is_log", 0);
		fnvlist_add_nvlist_array(top, "children", kids, n); kids[0] = top; n = 1;
	}
	fnvlist_add_string(root, "type", "root"); fnvlist_add_nvlist_array(root, "children", kids, n);
	for (int i = 0; i < sizeof (features) / sizeof (*features); i++) { snprintf(s, sizeof (s), "feature@%s", features[i]); fnvlist_add_uint64(props, s, 0); }
	OK(spa_create(pool, root, props, NULL, NULL)); OK(spa_open(pool, &spa, main));
	OK(dsl_prop_set_int(pool, "compression", 8 /* ZPROP_SRC_LOCAL */, !strcmp(argv[2], "gzip") ? 10 : !strcmp(argv[2], "lz4") ? 15 : !strcmp(argv[2], "zstd") ? 16 : 2));
	mk(spa, pool, "big", OST_OTHER, 128 << 10, env("BIG", 1024) << 20, 8, 0);
	mk(spa, pool, "bigrec", OST_OTHER, 1 << 20, env("BIGREC", 0) << 20, 4, 0);
	mk(spa, pool, "vol8k", OST_ZVOL, 8 << 10, env("VOL", 256) << 20, 1, 0);
	mk(spa, pool, "small", OST_OTHER, 2048, env("SMALL", 50000) * 2048, env("SMALL", 50000), 168);
	spa_close(spa, main); OK(spa_export(pool, NULL, 0, 0)); kernel_fini();
	return (0);
}
