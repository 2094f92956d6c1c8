//! The volumes of a baggageclaim, through its wire.
//!
//! | module | decides |
//! | --- | --- |
//! | `fake` | a server that behaves as a real one was seen to, over folders on the disk |
//! | `client` | requests to any baggageclaim |
//! | `agent` | that the agent asks one, and lives without |
//! | `wire` | what was seen of a real one, held against the fake |
//!
//! Where `BAGGAGECLAIM_URL` names a real one on this machine, the same is asked of it, too.

mod agent;
mod client;
mod fake;
mod wire;

use std::path::PathBuf;

use anyhow::{Context, Result};
use dunnage::edge::baggageclaim::{Baggageclaim, Reading, Settings};
use dunnage::model::volume::{HeldVolume, VolumeKind};

use client::{Client, archive};
use fake::Fake;

const KEY: &str = "dunnage-key";
const KIND: &str = "dunnage-kind";
const MIB: usize = 1 << 20;

fn reader(url: &str, key: &str) -> Result<Baggageclaim> {
    // reqwest wants a provider, whatever the scheme.
    crate::support::client();
    let key = key.parse().map_err(anyhow::Error::msg)?;
    let settings = Settings { url: url.parse()?, key, kind_property: KIND.to_owned() };
    Ok(Baggageclaim::new(settings)?)
}

/// The fake, and a real one if one is named.
async fn all() -> Result<(Fake, Vec<Client>)> {
    let fake = Fake::start().await?;
    let real = std::env::var("BAGGAGECLAIM_URL").ok();
    let urls = std::iter::once(fake.url.clone()).chain(real);
    Ok((fake, urls.map(Client::new).collect()))
}

/// The volumes whose keys begin so: a real server may have others.
fn of(reading: &Reading, prefix: &str) -> Vec<HeldVolume> {
    let of_prefix = |volume: &&HeldVolume| volume.key.starts_with(prefix);
    reading.volumes.iter().filter(of_prefix).cloned().collect()
}

#[tokio::test]
async fn volumes_with_a_key_are_held_with_their_bytes() -> Result<()> {
    let (_fake, all) = all().await?;
    for server in all {
        let mut reader = reader(&server.url, "{dunnage-key}")?;
        let own = server.own();
        let parent = server.create_empty("parent", None).await?;
        server.stream_in(&parent, &archive(&[("a", MIB)]), None).await?.expect(204)?;
        assert_eq!(of(&reader.read().await?, &own), [], "nobody has said that it is whole");

        let key = format!("{own}git:app@4f2a");
        server.set(&parent, KEY, &key).await?.expect(204)?;
        server.set(&parent, KIND, "resource-cache").await?.expect(204)?;
        let held = of(&reader.read().await?, &own);
        let [volume] = held.as_slice() else { anyhow::bail!("{held:?}") };
        assert_eq!((&*volume.key, volume.kind), (&*key, VolumeKind::ResourceCache));
        let bytes = usize::try_from(volume.bytes.0)?;
        assert!((MIB..MIB + 65_536).contains(&bytes), "{bytes}");

        // A copy under the same key is the same volume; it stays when its parent goes.
        let child = server.create_copy("child", &parent, &[(KEY, &key)]).await?;
        assert_eq!(of(&reader.read().await?, &own).len(), 1);
        server.delete(&parent).await?.expect(204)?;
        let held = of(&reader.read().await?, &own);
        assert_eq!((held.len(), held[0].kind), (1, VolumeKind::Other), "{held:?}");
        server.delete(&child).await?.expect(204)?;
        assert_eq!(of(&reader.read().await?, &own), []);
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_that_broke_is_no_volume() -> Result<()> {
    let (_fake, all) = all().await?;
    for server in all {
        let mut reader = reader(&server.url, "{dunnage-key}")?;
        let broken = server.create_empty("broken", None).await?;
        let refused = server.stream_in(&broken, &archive(&[("a", 2 * MIB)]), Some("1")).await?;
        refused.expect(403)?;
        let listed = server.list(&[]).await?.json()?;
        let is_there = |volume: &serde_json::Value| volume["handle"] == broken;
        assert!(
            listed.as_array().is_some_and(|all| all.iter().any(is_there)),
            "listed all the same"
        );
        assert_eq!(of(&reader.read().await?, &server.own()), []);
        server.delete(&broken).await?.expect(204)?;
    }
    Ok(())
}

#[tokio::test]
async fn keys_are_made_of_several_properties_and_odd_ones_are_said() -> Result<()> {
    let (_fake, all) = all().await?;
    for server in all {
        let mut reader = reader(&server.url, "{own}git/{repository}@{version}")?;
        let own = server.own();
        let with = |version: &'static str| {
            vec![("own", own.clone()), ("repository", "app".into()), ("version", version.into())]
        };
        let whole = server.create_empty("whole", Some(&with("4f2a"))).await?;
        let odd = server.create_empty("odd", Some(&with("line\nbreak"))).await?;
        let other = server.create_empty("other", Some(&with("")[..2])).await?;
        let reading = reader.read().await?;
        let keys: Vec<_> = of(&reading, &own).into_iter().map(|volume| volume.key).collect();
        assert_eq!(keys, [format!("{own}git/app@4f2a")]);
        let said = reading.unreadable.iter().find(|(handle, _)| *handle == odd);
        let (_, reason) = said.context("an odd key is not said")?;
        assert!(reason.contains("control characters"), "{reason}");
        for handle in [whole, odd, other] {
            server.delete(&handle).await?.expect(204)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_path_that_is_not_here_is_said_and_tried_again() -> Result<()> {
    let fake = Fake::start().await?;
    let server = Client::new(fake.url.clone());
    let mut reader = reader(&server.url, "{dunnage-key}")?;
    let handle = server.create_empty("a", Some(&[(KEY, "k".to_owned())])).await?;
    let path = server.get(&handle).await?.json()?["path"].as_str().map(PathBuf::from);
    let path = path.context("no path")?;
    let away = path.with_extension("away");
    std::fs::rename(&path, &away)?;
    let reading = reader.read().await?;
    assert_eq!((reading.volumes.len(), reading.unreadable.len()), (0, 1), "{reading:?}");
    assert!(reading.unreadable[0].1.contains("No such file"), "{reading:?}");
    std::fs::rename(&away, &path)?;
    assert_eq!(reader.read().await?.volumes.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_no_baggageclaim_is_said_with_its_address() -> Result<()> {
    let mut nobody = reader("http://127.0.0.1:1", "{a}")?;
    let error = nobody.read().await.expect_err("nobody there").to_string();
    assert!(error.starts_with("baggageclaim at http://127.0.0.1:1/ does not answer: "), "{error}");

    let fake = Fake::start().await?;
    let mut elsewhere = reader(&format!("{}/elsewhere", fake.url), "{a}")?;
    let error = elsewhere.read().await.expect_err("no list there").to_string();
    assert!(error.contains("/elsewhere answered 404 Not Found"), "{error}");
    let mut odd = reader(&format!("{}/odd", fake.url), "{a}")?;
    let error = odd.read().await.expect_err("no list there").to_string();
    assert!(error.contains("answered no list of volumes: expected value at line 1"), "{error}");
    let mut endless = reader(&format!("{}/endless", fake.url), "{a}")?;
    let error = endless.read().await.expect_err("no list there").to_string();
    assert!(error.contains("answered more than 16777216 bytes"), "{error}");
    Ok(())
}
