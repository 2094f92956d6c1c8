//! What `hosts.toml` files mean, as containerd reads them.

use std::path::Path;

use super::{Host, OneOrMore, docker_files, hosts_of};
use crate::edge::registry::connection;

fn client() -> reqwest::Client {
    connection::plain_client().expect("a client")
}

fn shown(host: &Host) -> String {
    let role = if host.resolves { "resolves" } else { "pulls" };
    format!("{} {role} {}", host.root, host.mirrored.as_deref().unwrap_or("itself"))
}

/// The hosts of `registry`, given a folder with one file.
fn hosts(registry: &str, name: &str, text: &str) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join(name)).expect("created");
    std::fs::write(folder.path().join(name).join("hosts.toml"), text).expect("written");
    let hosts = hosts_of(registry, Some(folder.path()), &client())?;
    Ok(hosts.iter().map(shown).collect())
}

#[test]
fn a_folder_without_a_file_says_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("ghcr.io")).expect("created");
    let hosts = hosts_of("ghcr.io", Some(folder.path()), &client()).expect("asked itself");
    assert_eq!(hosts.iter().map(shown).collect::<Vec<_>>(), ["https://ghcr.io/v2 resolves itself"]);
}

#[test]
fn certificates_without_a_file_are_read_as_docker_lays_them_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("r.example");
    std::fs::create_dir(&own).expect("created");
    for name in ["b.crt", "a.crt", "ours.cert", "ours.key", "readme.txt"] {
        std::fs::write(own.join(name), "").expect("written");
    }
    let settings = docker_files(&own).expect("readable").of_server;
    let cas = settings.ca.as_ref().map(OneOrMore::as_slice).unwrap_or_default();
    assert_eq!(cas, [own.join("a.crt"), own.join("b.crt")]);
    let pairs = settings.client.as_ref().map(OneOrMore::as_slice).unwrap_or_default();
    let pairs: Vec<_> = pairs.iter().map(OneOrMore::as_slice).collect();
    assert_eq!(pairs, [[own.join("ours.cert"), own.join("ours.key")]]);
    std::fs::remove_file(own.join("ours.key")).expect("removed");
    let error = hosts_of("r.example", Some(folder.path()), &client()).expect_err("no key");
    assert!(error.contains("ours.key"), "{error}");
}

#[test]
fn without_a_file_a_registry_is_asked_itself_and_loopback_is_not() {
    let of = |registry| {
        let hosts = hosts_of(registry, None, &client()).expect("no file, no error");
        hosts.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(of("docker.io"), ["https://registry-1.docker.io/v2 resolves itself"]);
    assert_eq!(of("ghcr.io:8443"), ["https://ghcr.io:8443/v2 resolves itself"]);
    for registry in [
        "localhost",
        "LOCALHOST:5000",
        "a.localhost",
        "127.0.0.1:5000",
        "127.8.9.1",
        "127.1:5000",
        "2130706433",
        "0.0.0.0",
        "[::1]:5000",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(of(registry), Vec::<String>::new(), "{registry}");
    }
}

#[test]
fn mirrors_come_in_the_order_written_and_the_server_last() {
    let text = r#"
server = "https://registry-1.docker.io"
[host."https://z.example"]
capabilities = ["pull"]
[host."http://a.example:5000"]
capabilities = ["pull", "resolve"]
[host."https://m.example/root"]
override_path = true
[host."https://push.example"]
capabilities = ["push"]
"#;
    let expected = [
        "https://z.example/v2 pulls docker.io",
        "http://a.example:5000/v2 resolves docker.io",
        "https://m.example/root resolves docker.io",
        "https://registry-1.docker.io/v2 resolves itself",
    ];
    assert_eq!(hosts("docker.io", "docker.io", text).expect("valid"), expected);
}

#[test]
fn a_folder_is_found_by_host_and_port_and_else_by_default() {
    let text = "server = \"http://mirror.example\"";
    let mirror = |registry: &str| format!("http://mirror.example/v2 resolves {registry}");
    for name in ["r.example_5000_", "r.example:5000", "_default"] {
        assert_eq!(
            hosts("r.example:5000", name, text),
            Ok(vec![mirror("r.example:5000")]),
            "{name}"
        );
    }
    let own = "https://r.example/v2 resolves itself".to_owned();
    assert_eq!(hosts("r.example", "other.example", text), Ok(vec![own.clone()]));
    let default = "[host.\"http://mirror.example\"]\n";
    assert_eq!(hosts("r.example", "_default", default), Ok(vec![mirror("r.example"), own]));
}

#[test]
fn what_cannot_be_used_is_said_with_its_file() {
    for (text, expected) in [
        ("server = [", "hosts.toml"),
        ("server = \"ftp://x\"", "no address"),
        ("ca = \"missing.pem\"", "missing.pem"),
        ("[host.\"https://a\"]\nskip_verify = 7", "host \"https://a\""),
        ("dial_timeout = \"soon\"", "dial_timeout"),
        ("[header]\n\"a b\" = \"x\"", "header"),
    ] {
        let error = hosts("r.example", "r.example", text).expect_err(text);
        assert!(error.contains(expected) && error.contains("hosts.toml"), "{text}: {error}");
    }
}

#[test]
fn a_registry_cannot_name_another_folder() {
    let hosts = hosts_of("..", Some(Path::new("/etc")), &client());
    assert!(hosts.is_ok_and(|hosts| hosts.len() == 1 && hosts[0].mirrored.is_none()));
}
