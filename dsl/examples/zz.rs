use weir_dsl::*;
struct L;
impl Loader for L {
    fn load(&self, p: &str) -> Result<Vec<u8>, LoadError> {
        std::fs::read(p).map_err(|_| LoadError::NotFound)
    }
}
fn main() {
    for f in std::env::args().skip(1) {
        let t = std::time::Instant::now();
        let c = compile(&f, &L, &Options::default());
        let e = t.elapsed();
        println!("{}", diag::text(&c.diagnostics, &c.sources, diag::Style::Plain));
        println!("== {f}: {} diags hir={} {:?}", c.diagnostics.len(), c.hir.is_some(), e);
    }
}
