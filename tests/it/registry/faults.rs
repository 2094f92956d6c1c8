//! What a registry does wrong costs layers of its images and nothing else, and is said.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::faulty::Faulty;
use super::rig::Rig;

const AMD64: &str = "linux/amd64";

async fn rig(faulty: &Faulty, registries: &[&str]) -> Result<Rig> {
    let hosts: Vec<_> = registries.iter().map(|name| (*name, faulty.hosts_toml())).collect();
    Rig::start(&hosts, &[AMD64])
}

async fn reason(rig: &Rig, name: &str) -> Result<String> {
    rig.ask(name).await?;
    rig.await_reason(name, AMD64).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_wrong_cut_off_or_too_large_are_refused_with_the_reason() -> Result<()> {
    let faulty = Faulty::start().await?;
    let forged = format!("r.test/forged@sha256:{}", "a".repeat(64));
    let cases = [
        ("r.test/endless:1", "an answer of over 4194304 bytes"),
        ("r.test/announced:1", "an answer of over 4194304 bytes"),
        ("r.test/mislabelled:1", "wrong digest"),
        (&forged, "wrong digest"),
        ("r.test/swapped:1", "wrong digest"),
        ("r.test/forged:1", "neither an image manifest nor an index"),
        ("r.test/looping:1", "more than 5 redirects"),
        ("r.test/truncated:1", "no whole answer"),
    ];
    for (name, expected) in cases {
        // Each on its own, as a body that was cut off pauses the registry.
        let rig = rig(&faulty, &["r.test"]).await?;
        let reason = reason(&rig, name).await?;
        ensure!(reason.contains(expected), "{name}: {reason:?} does not say {expected:?}");
        ensure!(rig.images(name, AMD64).await?.iter().all(|image| image["layers"].is_null()));
    }
    let rig = rig(&faulty, &["r.test"]).await?;
    rig.ask("r.test/elsewhere:1").await?;
    rig.await_layers("r.test/elsewhere:1", AMD64).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_says_wait_is_left_in_peace_that_long_and_then_asked_again() -> Result<()> {
    let faulty = Faulty::start().await?;
    let rig = rig(&faulty, &["busy.test", "down.test", "broken.test", "good.test"]).await?;
    let start = Instant::now();
    let told = reason(&rig, "busy.test/busy:1").await?;
    ensure!(told.contains("429"), "{told}");
    // While it waits, its other images wait, too, without a request.
    ensure!(reason(&rig, "busy.test/other:1").await?.contains("429"));
    assert_eq!(faulty.state.count("/other/"), 0);
    rig.await_metric("dunnage_registry_lookups_total{result=\"found\"}", 1.0, "busy.test/busy:1")
        .await?;
    ensure!(start.elapsed() >= Duration::from_secs(1), "asked again after {:?}", start.elapsed());
    // A date far away, and no word at all: neither is asked again at once, the others go on.
    ensure!(reason(&rig, "down.test/dated:1").await?.contains("503"));
    ensure!(reason(&rig, "broken.test/broken:1").await?.contains("500"));
    for _ in 0..20 {
        rig.ask("down.test/dated:2").await?;
        rig.ask("broken.test/broken:2").await?;
    }
    ensure!(reason(&rig, "down.test/dated:2").await?.contains("503"));
    ensure!(reason(&rig, "broken.test/broken:2").await?.contains("500"));
    assert_eq!((faulty.state.count("/dated/"), faulty.state.count("/broken/")), (1, 1));
    rig.ask("good.test/a:1").await?;
    rig.await_layers("good.test/a:1", AMD64).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_registry_is_given_up_and_holds_nobody_up() -> Result<()> {
    let faulty = Faulty::start().await?;
    let rig = rig(&faulty, &["silent.test", "good.test"]).await?;
    for tag in 0..20 {
        rig.ask(&format!("silent.test/silent:{tag}")).await?;
    }
    rig.ask("good.test/a:1").await?;
    rig.await_layers("good.test/a:1", AMD64).await?;
    let told = rig.await_reason("silent.test/silent:19", AMD64).await?;
    ensure!(told.contains("no answer in time"), "{told}");
    assert_eq!(faulty.state.count("/silent/"), 4, "as many at once as one registry gets");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_or_must_not_be_asked_is_said() -> Result<()> {
    let faulty = Faulty::start().await?;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let hosts = [
        ("closed.test", format!("server = \"http://{closed}\"\n")),
        ("odd.test", "server = 7\n".to_owned()),
        ("first.test", format!("{}[host.\"http://{closed}\"]\n", faulty.hosts_toml())),
    ];
    let rig = Rig::start(&hosts, &[AMD64])?;
    for (name, expected) in [
        ("closed.test/a:1", "no connection"),
        ("odd.test/a:1", "hosts.toml"),
        ("localhost:5000/a:1", "no host of this registry is to be asked"),
    ] {
        let told = reason(&rig, name).await?;
        ensure!(told.contains(expected), "{name}: {told:?} does not say {expected:?}");
    }
    rig.ask("first.test/a:1").await?;
    rig.await_layers("first.test/a:1", AMD64).await?;
    Ok(())
}
