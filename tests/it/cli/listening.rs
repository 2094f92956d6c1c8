//! Ports and certificates of `serve`: taken, unsafe, unreadable.

use std::net::{Ipv4Addr, TcpListener};

use rcgen::generate_simple_self_signed;

use super::Files;

#[test]
fn a_taken_port_is_named_with_the_flag_to_change() {
    let files = Files::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    for flag in ["--listen", "--admin-listen"] {
        let run = files.serve(&[&format!("{flag}={address}")]);
        run.fails_with(1, &[&address, &format!("choose another with {flag}:"), "in use"]);
    }
}

#[test]
fn plain_http_beyond_loopback_is_refused_unless_allowed() {
    let files = Files::new();
    let run = files.serve(&["--listen=0.0.0.0:0"]);
    run.fails_with(2, &["plain HTTP on 0.0.0.0:0", "--tls-cert", "--tls-key", "--insecure-http"]);
    files.serve(&["--listen=[::]:0"]).fails_with(2, &["--insecure-http"]);
    // Allowed, it gets as far as the next mistake.
    let run = files.serve(&["--listen=0.0.0.0:0", "--insecure-http", "--policy=nobody"]);
    run.fails_with(1, &["nobody"]);
}

#[test]
fn a_certificate_or_key_that_cannot_be_used_is_named() {
    let files = Files::new();
    let pair = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let other = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    files.write("good.crt", pair.cert.pem());
    files.write("other.key", other.signing_key.serialize_pem());
    files.write("garbage.pem", "garbage");
    let tls = |cert: &str, key: &str| {
        files.serve(&[&format!("--tls-cert={cert}"), &format!("--tls-key={key}")])
    };
    tls("none.crt", "other.key").fails_with(1, &["none.crt", "No such file"]);
    tls("good.crt", "none.key").fails_with(1, &["none.key", "No such file"]);
    tls("garbage.pem", "other.key").fails_with(1, &["garbage.pem"]);
    tls("good.crt", "garbage.pem").fails_with(1, &["garbage.pem"]);
    tls("good.crt", "other.key").fails_with(1, &["good.crt", "other.key"]);
}
