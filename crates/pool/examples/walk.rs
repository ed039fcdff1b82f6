use zsend_pool::pool::Pool;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let pool = match Pool::open(&[a[1].clone().into()], &a[2]) { Ok(p)=>p, Err(e)=>{eprintln!("{e}"); return} };
    for w in pool.warnings() { eprintln!("warning: {w}"); }
    fn go(pool:&Pool, name:&str) -> zsend_pool::Result<()> {
        let dir = pool.dir(name)?;
        let head = pool.head(name)?;
        println!("{name} guid {}", head.guid);
        for (s, d) in pool.snapshots(&head)? { println!("  @{s} {} txg {} {:?}", d.guid, d.creation_txg, pool.objset(&d)?.kind()); }
        for (s, d) in pool.bookmarks(&head)? { println!("  #{s} {d:?}"); }
        for (c,_) in dir.children(pool.mos())? { if !c.starts_with('$') { go(pool, &format!("{name}/{c}"))?; } }
        Ok(())
    }
    if let Err(e)=go(&pool,&a[2]) { eprintln!("{e}"); }
}
