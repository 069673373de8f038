//! Names, secrets, addresses, variables, one by one.

use secrecy::ExposeSecret;

use super::*;

#[test]
fn domain_names_become_a_labels() {
    for (text, name) in [
        ("Contoso.COM", "contoso.com"),
        ("contoso.com.", "contoso.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("a.b.c.d", "a.b.c.d"),
        ("contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
    ] {
        assert_eq!(text.parse::<DomainName>().unwrap().as_str(), name);
    }
    let long = format!("{}.com", "a".repeat(64));
    let longer = format!("{}com", "abcdefgh.".repeat(30));
    for text in [
        "",
        ".",
        "..",
        "com",
        "a..b",
        ".a.b",
        "a.b..",
        "a_b.com",
        "a b.com",
        "xn--a.com",
        "1.2.3.4",
        "::1",
        "a.1",
        "a\u{0}.com",
        "a.com\n",
        &long,
        &longer,
        "\u{202e}a.com",
        "a:b.com",
    ] {
        assert!(text.parse::<DomainName>().is_err(), "{text:?}");
    }
    let name = |text: &str| text.parse::<DomainName>().unwrap();
    assert!(name("a.contoso.com").is_in(&name("contoso.com")));
    assert!(name("contoso.com").is_in(&name("contoso.com")));
    assert!(!name("acontoso.com").is_in(&name("contoso.com")));
    assert!(name("contoso.onmicrosoft.com").is_onmicrosoft());
    assert!(!name("notonmicrosoft.com").is_onmicrosoft());
}

#[test]
fn endpoints_are_safe_to_send_secrets_to() {
    for text in [
        "https://a.example",
        "https://a.example:8443/base/",
        "http://127.0.0.1:80",
        "http://127.9.9.9",
        "http://[::1]:8080/x",
        "HTTPS://A.example",
    ] {
        assert!(text.parse::<Endpoint>().is_ok(), "{text}");
    }
    for text in [
        "",
        "a.example",
        "http://a.example",
        "http://10.0.0.1",
        "http://localhost:1",
        "http://127.0.0.1.example",
        "http://[::2]",
        "ftp://127.0.0.1",
        "https://u@a.example",
        "https://a.example?x=1",
        "https://a.example#x",
        "https://a.example\n",
        "http://0.0.0.0",
        "file:///etc/passwd",
    ] {
        assert!(text.parse::<Endpoint>().is_err(), "{text}");
    }
    assert_eq!(
        "https://a.example/base/"
            .parse::<Endpoint>()
            .unwrap()
            .base(),
        "https://a.example/base"
    );
    // The WHATWG parser takes other spellings of an address: what counts is what it makes of them.
    assert!("http://0x7f.1".parse::<Endpoint>().unwrap().is_loopback());
}

#[test]
fn server_addresses_may_have_ports() {
    for (text, socket) in [
        ("1.1.1.1", "1.1.1.1:53"),
        ("1.1.1.1:5300", "1.1.1.1:5300"),
        ("::1", "[::1]:53"),
        ("[::1]:5300", "[::1]:5300"),
    ] {
        let address: ServerAddress = text.parse().unwrap();
        assert_eq!(address.or_port(53).to_string(), socket);
        assert_eq!(address.to_string(), text);
    }
    for text in ["", "dns.google", "1.1.1.1:0", "1.1.1.1:x", "[::1]"] {
        assert!(text.parse::<ServerAddress>().is_err(), "{text}");
    }
}

#[test]
fn secrets_are_read_from_their_place_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let reference = |text: &str| {
        let mut secret: SecretRef = text.parse().unwrap();
        secret.anchor(folder.path());
        secret
    };
    let secret = reference("file:secret");
    assert!(matches!(secret.read(), Err(SecretError::File { .. })));
    for (content, read) in [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" a b \n", " a b "),
    ] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(secret.read().unwrap().expose_secret(), read);
    }
    for content in ["", "\n", "  \n"] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(secret.read(), Err(SecretError::Empty(_))));
    }
    std::fs::write(&path, [0xff, 0xfe, 0x41]).unwrap();
    assert!(matches!(secret.read(), Err(SecretError::FileNotText(_))));
    std::fs::write(&path, "x".repeat(70_000)).unwrap();
    assert!(matches!(secret.read(), Err(SecretError::TooLarge(_))));
    assert!(matches!(
        reference("file:.").read(),
        Err(SecretError::File { .. })
    ));

    let unset = reference("env:ROLLOUT_TEST_NEVER_SET");
    let error = unset.read().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("ROLLOUT_TEST_NEVER_SET is not set"),
        "{error}"
    );
    // Every process has a PATH; reading it shows that the variable is what is read.
    assert_eq!(
        reference("env:PATH").read().unwrap().expose_secret(),
        std::env::var("PATH").unwrap()
    );
    assert_eq!(format!("{:?}", secret.read().map_err(|_| ())), "Err(())");
}

#[cfg(unix)]
#[test]
fn a_secret_that_everybody_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "hunter2").unwrap();
    let mut secret = SecretRef::file("secret");
    secret.anchor(folder.path());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(secret.warning(), None);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let warning = secret.warning().unwrap();
    assert!(
        warning.contains("every user") && !warning.contains("hunter2"),
        "{warning}"
    );
    assert_eq!(secret.read().unwrap().expose_secret(), "hunter2");
}

#[test]
fn variables_replace_parts_of_the_file() {
    let loaded = read_in(
        GOOD,
        &[
            ("ROLLOUT_AUTHORITY", "http://127.0.0.1:1001"),
            ("ROLLOUT_GRAPH", "http://127.0.0.1:1002"),
            ("ROLLOUT_EXCHANGE", "http://127.0.0.1:1003/"),
            ("ROLLOUT_PROVIDER_URL", "http://127.0.0.1:1004"),
            ("ROLLOUT_DNS_ROOTS", "a.root=127.0.0.2, b.root=::1"),
            ("ROLLOUT_DNS_PORT", "5300"),
            ("ROLLOUT_TRUST_ANCHOR", ". IN DS 1 13 2 00"),
            ("ROLLOUT_RESOLVERS", "lab=127.0.0.1:5301"),
            ("ROLLOUT_SMTP_PORT", "2525"),
            ("ROLLOUT_HELO", "lab.example"),
            ("ROLLOUT_HTTPS_ROOTS", "Cargo.toml"),
            ("ROLLOUT_MTA_STS_ADDRESS", "127.0.0.1:8443"),
            ("ROLLOUT_DNS_FORWARDERS", ""),
        ],
    )
    .unwrap();
    let Microsoft::Api(api) = &loaded.file.microsoft else {
        panic!("not the API")
    };
    assert_eq!(
        [api.authority(), api.graph(), api.exchange()],
        [
            "http://127.0.0.1:1001",
            "http://127.0.0.1:1002",
            "http://127.0.0.1:1003"
        ]
    );
    assert_eq!(loaded.file.dns.text("url"), Some("http://127.0.0.1:1004"));
    assert_eq!(loaded.file.resolve.roots.len(), 2);
    assert_eq!(loaded.file.resolve.port, 5300);
    assert_eq!(
        loaded.file.resolve.resolvers[0].socket().to_string(),
        "127.0.0.1:5301"
    );
    assert_eq!(loaded.file.smtp.port, 2525);
    assert_eq!(
        loaded.file.smtp.helo.as_ref().map(DomainName::as_str),
        Some("lab.example")
    );
    assert!(loaded.file.in_laboratory());
    let forwarded = read_in(GOOD, &[("ROLLOUT_DNS_FORWARDERS", "127.0.0.1:5300")]).unwrap();
    assert_eq!(forwarded.file.resolve.forwarders.len(), 1);
}

#[test]
fn a_bad_variable_is_named() {
    for row in &environment::OVERRIDES {
        let bad = match row.variable {
            // Any text may be an anchor or a path; what a provider takes as its address, its own check says.
            "ROLLOUT_TRUST_ANCHOR" => "file:",
            "ROLLOUT_HTTPS_ROOTS" => "file:",
            "ROLLOUT_PROVIDER_URL" | "ROLLOUT_REGISTRAR_URL" => continue,
            _ => "http://example.com/ =:",
        };
        let error = read_in(GOOD, &[(row.variable, bad)]).unwrap_err();
        assert!(error.to_string().contains(row.variable), "{error}");
        assert_eq!(error.file(), "environment");
    }
    let error = read_in(GOOD, &[("ROLLOUT_PROVIDER_URL", "http://example.com")]).unwrap_err();
    assert!(error.to_string().contains("plain http"), "{error}");
}

#[test]
fn fields_of_the_provider_may_come_from_variables() {
    let text = GOOD
        .replace("  url: https://ns1.contoso.com:8443\n", "")
        .replace("  api_key: env:PDNS_API_KEY\n", "");
    assert!(read(&text).is_err());
    let loaded = read_in(
        &text,
        &[
            ("POWERDNS_URL", "https://ns.example"),
            ("POWERDNS_API_KEY", "hunter2"),
        ],
    )
    .unwrap();
    assert_eq!(loaded.file.dns.text("url"), Some("https://ns.example"));
    assert_eq!(
        loaded.file.dns.secret("api_key").map(ToString::to_string),
        Some("env:POWERDNS_API_KEY".to_owned())
    );
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn fields_reach_the_provider_under_its_own_names() {
    let loaded = read(&GOOD.replace("env:PDNS_API_KEY", "env:PATH")).unwrap();
    let values = loaded.file.dns.values().unwrap();
    assert_eq!(values.keys().collect::<Vec<_>>(), ["api-key", "url"]);
    let info = rollout_providers::find("powerdns").unwrap();
    info.open(&values, rollout_providers::Options::default())
        .unwrap();
}

#[test]
fn a_laboratory_may_have_small_ttls_but_not_zero() {
    let lab =
        |ttl: u32| format!("{GOOD}settings: {{ ttl: {ttl}, final_ttl: 2 }}\nlaboratory: ./lab\n");
    let loaded = read(&lab(1)).unwrap();
    assert_eq!(loaded.parameters.get("ttl"), Some(1));
    assert!(loaded.file.in_laboratory());
    let error = read(&lab(0)).unwrap_err();
    assert!(error.to_string().contains("0 is out of range"), "{error}");
}

#[test]
fn defaults_are_those_of_the_references() {
    let loaded = read(GOOD).unwrap();
    let file = &loaded.file;
    assert_eq!(file.playbook, "exchange-dane");
    assert_eq!(
        file.smtp,
        Smtp {
            port: 25,
            probe: Probe::Required,
            helo: None
        }
    );
    assert_eq!(file.dns.delegation, Delegation::Auto);
    assert_eq!(file.timing.resolver_floor.get().as_secs(), 300);
    assert_eq!(file.timing.margin.get().as_secs(), 5);
    let Microsoft::Api(api) = &file.microsoft else {
        panic!("not the API")
    };
    assert_eq!(api.exchange(), "https://outlook.office365.com");
    assert!(!file.in_laboratory());
    let parameters: Vec<_> = loaded.parameters.iter().collect();
    assert_eq!(
        parameters,
        [
            ("added_preference", 20),
            ("added_soak", 60),
            ("final_ttl", 3600),
            ("legacy_preference", 30),
            ("swapped_preference", 0),
            ("swapped_soak", 300),
            ("ttl", 60)
        ]
    );
}

/// The file with another `sign_in`, read.
fn signing_in(lines: &str) -> SignIn {
    let start = GOOD.find("    method:").unwrap();
    let end = GOOD.find("dns:").unwrap();
    let text = format!("{}{lines}{}", &GOOD[..start], &GOOD[end..]);
    let loaded = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    // What is written is what is read, and the schema knows it.
    let value = serde_yaml::from_str(&text).unwrap();
    crate::source::schema_check::accepts(&schema(), &value).unwrap();
    match loaded.file.microsoft {
        Microsoft::Api(api) => {
            let again = serde_yaml::to_string(&api.sign_in).unwrap();
            let mut again: SignIn = serde_yaml::from_str(&again).unwrap();
            again.anchor(Path::new(""));
            let mut read = api.sign_in.clone();
            read.anchor(Path::new(""));
            assert_eq!(again, read);
            api.sign_in
        }
        _ => panic!("not the API"),
    }
}

#[test]
fn every_way_to_sign_in_is_read_and_written() {
    let id = "11111111-2222-4333-8444-555555555555";
    let uuid = uuid::Uuid::try_parse(id).unwrap();
    let certificate = signing_in(&format!(
        "    method: client-certificate\n    client_id: {id}\n    certificate: file:client.pem\n    key: env:CLIENT_KEY\n"
    ));
    let SignIn::ClientCertificate {
        certificate, key, ..
    } = certificate
    else {
        panic!("{certificate:?}")
    };
    assert_eq!(certificate.to_string(), "file:client.pem");
    assert_eq!(key.unwrap().to_string(), "env:CLIENT_KEY");
    assert_eq!(
        signing_in("    method: managed-identity\n"),
        SignIn::ManagedIdentity { client_id: None }
    );
    assert_eq!(
        signing_in(&format!(
            "    method: managed-identity\n    client_id: {id}\n"
        )),
        SignIn::ManagedIdentity {
            client_id: Some(uuid)
        }
    );
    assert!(matches!(
        signing_in("    method: workload-identity\n    token_file: token\n"),
        SignIn::WorkloadIdentity {
            client_id: None,
            token_file: Some(_)
        }
    ));
    assert_eq!(signing_in("    method: azure-cli\n"), SignIn::AzureCli);
    assert_eq!(
        signing_in("    method: device-code\n    cache: file\n"),
        SignIn::DeviceCode(Person {
            client_id: None,
            cache: Cache::File
        })
    );
    assert_eq!(
        signing_in(&format!("    method: browser\n    client_id: {id}\n")),
        SignIn::Browser(Person {
            client_id: Some(uuid),
            cache: Cache::None
        })
    );
}

#[test]
fn a_cloud_is_forced_by_its_own_name() {
    let text = GOOD.replacen(
        "  sign_in",
        "  cloud: gcc-high\n  cloud_forced: gcc-high\n  sign_in",
        1,
    );
    let file = read(&text).unwrap().file;
    let Microsoft::Api(api) = &file.microsoft else {
        panic!("manual")
    };
    assert_eq!(api.cloud, Cloud::GccHigh);
    // Written again, it is still forced.
    let written = serde_yaml::to_string(&file.microsoft).unwrap();
    assert!(written.contains("cloud_forced: gcc-high"), "{written}");
}

#[test]
fn powershell_as_the_backend_signs_in_its_own_way() {
    use crate::domain_file::Connect;
    let of = |microsoft: &str| {
        format!(
            "domain: contoso.com\nmicrosoft:\n  backend: pwsh\n{microsoft}dns: {{ provider: manual }}\n"
        )
    };
    let id = "11111111-2222-3333-4444-555555555555";
    for (text, wanted) in [
        (
            "  tenant: contoso.onmicrosoft.com\n  connect: { method: device }\n".to_owned(),
            "device",
        ),
        (
            format!("  tenant: {id}\n  connect: {{ method: device }}\n  program: /opt/pwsh\n"),
            "device",
        ),
        (
            format!(
                "  tenant: contoso.onmicrosoft.com\n  connect: {{ method: certificate-thumbprint, client_id: {id}, thumbprint: '{}' }}\n",
                "ab ".repeat(20)
            ),
            "certificate-thumbprint",
        ),
        (
            format!(
                "  tenant: contoso.onmicrosoft.com\n  connect: {{ method: certificate-file, client_id: {id}, file: app.pfx, password: env:PFX }}\n"
            ),
            "certificate-file",
        ),
        (
            "  tenant: contoso.onmicrosoft.com\n  connect: { method: managed-identity }\n"
                .to_owned(),
            "managed-identity",
        ),
        (
            format!(
                "  tenant: contoso.onmicrosoft.com\n  connect: {{ method: device }}\n  sign_in: {{ method: client-secret, client_id: {id}, secret: env:S }}\n"
            ),
            "client-secret",
        ),
    ] {
        let loaded =
            read(&of(&text)).unwrap_or_else(|e| panic!("{}\n{text}", e.render(false, 100)));
        let Microsoft::Pwsh(pwsh) = &loaded.file.microsoft else {
            panic!("{text}")
        };
        assert_eq!(pwsh.graph.is_some(), text.contains("sign_in"));
        if let Connect::Thumbprint { thumbprint, .. } = &pwsh.connect {
            assert_eq!(thumbprint.len(), 40);
        }
        let again = loaded.file.to_yaml(None).unwrap();
        assert!(
            again.contains(wanted) && again.contains("backend: pwsh"),
            "{again}"
        );
        assert_eq!(read(&again).unwrap().file.microsoft, loaded.file.microsoft);
    }
    for (text, wanted) in [
        (
            "  connect: { method: device }\n".to_owned(),
            "`tenant` is missing",
        ),
        (
            "  tenant: contoso.onmicrosoft.com\n".to_owned(),
            "`connect` is missing",
        ),
        (
            format!("  tenant: {id}\n  connect: {{ method: managed-identity }}\n"),
            "initial domain",
        ),
        (
            "  tenant: a.example\n  connect: { method: certificate-file, file: x }\n".to_owned(),
            "`client_id` is missing",
        ),
        (
            format!(
                "  tenant: a.example\n  connect: {{ method: certificate-file, client_id: {id} }}\n"
            ),
            "`file` is missing",
        ),
        (
            format!(
                "  tenant: a.example\n  connect: {{ method: certificate-thumbprint, client_id: {id}, thumbprint: zz }}\n"
            ),
            "this is no thumbprint",
        ),
        (
            format!(
                "  tenant: a.example\n  connect: {{ method: certificate-thumbprint, client_id: {id} }}\n"
            ),
            "`thumbprint` is missing",
        ),
        (
            format!("  tenant: a.example\n  connect: {{ method: device, client_id: {id} }}\n"),
            "fewer keys",
        ),
        (
            format!(
                "  tenant: a.example\n  connect: {{ method: certificate-file, client_id: {id}, file: x, password: hunter2 }}\n"
            ),
            "must not be written",
        ),
    ] {
        let said = read(&of(&text)).unwrap_err().render(false, 200);
        assert!(said.contains(wanted), "{text}: {said}");
    }
    let stray = format!(
        "domain: contoso.com\nmicrosoft: {{ tenant: a.example, connect: {{ method: device }}, sign_in: {{ method: client-secret, client_id: {id}, secret: env:S }} }}\ndns: {{ provider: manual }}\n"
    );
    assert!(
        read(&stray)
            .unwrap_err()
            .render(false, 200)
            .contains("belong to backend: pwsh")
    );
}

/// Who publishes what, by what is said and what is not.
#[test]
fn an_mta_sts_policy_is_published_by_whom_the_file_names() {
    use crate::step::{DuringMove, MtaSts, PolicyBy};
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.txt"), "").unwrap();
    std::fs::write(folder.path().join("publish"), "").unwrap();
    let wishes = |part: &str, provider: &str| {
        let text = format!("{GOOD}{part}");
        let path = folder.path().join("domain.yml");
        let file = from_text(&path, &text, &Environment::of([])).unwrap_or_else(|e| panic!("{e}"));
        file.file.mta_sts.wishes(provider)
    };
    let at = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(wishes("", "powerdns"), MtaSts::default());
    assert_eq!(
        wishes("mta_sts: {policy: policy.txt}\n", "powerdns"),
        MtaSts {
            policy: PolicyBy::File(at("policy.txt")),
            record_by_provider: true,
            during_move: DuringMove::Enforce,
        }
    );
    assert_eq!(
        wishes(
            "mta_sts: {publish: [./publish, a b], record: by-hand, during_move: testing}\n",
            "powerdns"
        ),
        MtaSts {
            policy: PolicyBy::Program(at("./publish")),
            record_by_provider: false,
            during_move: DuringMove::Testing,
        }
    );
    let by_hand = wishes("mta_sts: {policy: policy.txt}\n", "manual");
    assert!(!by_hand.record_by_provider && !by_hand.writes_all());
    assert!(wishes("mta_sts: {record: provider}\n", "powerdns").record_by_provider);
}
