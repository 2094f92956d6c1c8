//! Volumes of other nodes by TLS: who is trusted gives them, nobody else is shown a token.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use rcgen::generate_simple_self_signed;

use super::agent::{NODE, Stage, allow, make_account};
use super::rig::Place;
use crate::agent::rig::await_inventory;
use crate::testbed::free_ports;

/// A certificate for loopback and its key, as files.
fn certificate(place: &Place, name: &str) -> Result<[PathBuf; 2]> {
    let made = generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let files = ["pem", "key"].map(|kind| place.path(&format!("{name}.{kind}")));
    fs::write(&files[0], made.cert.pem())?;
    fs::write(&files[1], made.signing_key.serialize_pem())?;
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_comes_by_tls_from_who_is_trusted_only() -> Result<()> {
    let stage = Stage::set().await?;
    let client = stage.plane.client();
    stage.place.put("k", "text")?;
    let [cert, key] = certificate(&stage.place, "own")?;
    let [other, _] = certificate(&stage.place, "other")?;
    let [port] = free_ports()?;
    let listen = format!("--volume-listen=127.0.0.1:{port}");
    let cert_flag = format!("--volume-tls-cert={}", cert.display());
    let key_flag = format!("--volume-tls-key={}", key.display());
    let _agent = stage.agent(&[&listen, &cert_flag, &key_flag]).await?;
    let found = await_inventory(&client, NODE, |found| found.volume_server.is_some()).await?;
    let url = format!("https://127.0.0.1:{port}");
    assert_eq!(found.spec.volume_server.as_ref(), Some(&url));
    make_account(&client, "step").await?;
    allow(&client, "step").await?;
    let token = format!("--token-file={}", stage.token("step", "dunnage.dev").await?);

    let there = Place::new();
    let (to, peer) = (there.path("got").display().to_string(), format!("--peer={url}"));
    let get = ["get", "k", &to, &peer, &token];
    let trusting = |cert: &PathBuf| format!("--peer-ca={}", cert.display());
    let error = there.error(&get);
    let untrusted = format!("peer {url}: cannot be reached: invalid peer certificate");
    assert!(error.contains(&untrusted), "{error}");
    let error = there.error(&[&get[..], &[&trusting(&other)]].concat());
    assert!(error.contains(&untrusted), "{error}");
    let error = there.error(&[&get[..], &[&trusting(&key)]].concat());
    assert!(error.contains("own.key: no certificate (PEM) in it"), "{error}");
    let trusted = trusting(&cert);
    // Rights take a moment to be known to the API server.
    let got = loop {
        match there.json(&[&get[..], &[&trusted]].concat()) {
            Err(error) if error.to_string().contains("is not bound") => {}
            got => break got?,
        }
    };
    assert_eq!((&got["source"], &got["from"]), (&"peer".into(), &url.into()));
    assert_eq!(fs::read_to_string(there.path("got/file"))?, "text");
    Ok(())
}
