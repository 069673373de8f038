#[test]
fn show() {
    for file in ["/tmp/bad.yml", "examples/powerdns.yml"] {
        match crate::domain_file::load(std::path::Path::new(file)) {
            Ok(loaded) => println!("{loaded:#?}\n{}", loaded.file.to_yaml(Some("x")).unwrap()),
            Err(rejected) => println!("{}\n{rejected}", rejected.render(false, 100)),
        }
    }
    println!(
        "{}",
        crate::playbook::from_text("x", crate::playbook::BUILTIN[0].1)
            .map(|p| format!("{p:?}"))
            .unwrap_or_else(|r| r.render(false, 100))
    );
}
