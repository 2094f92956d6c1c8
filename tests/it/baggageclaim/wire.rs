//! What was seen of a real baggageclaim (Concourse 8.2, naive driver, loopback), one line a case.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, archive};
use super::{MIB, all};

#[tokio::test]
async fn a_server_answers_as_a_real_one_did() -> Result<()> {
    let (_fake, all) = all().await?;
    for server in all {
        creation(&server).await?;
        properties(&server).await?;
        streams(&server).await?;
        removal(&server).await?;
    }
    Ok(())
}

async fn creation(server: &Client) -> Result<()> {
    let root = server.send(Method::GET, "/", &[], Vec::new()).await?;
    root.expect(404)?;
    let no_json = server.send(Method::POST, "/volumes", &[], b"{".to_vec()).await?;
    no_json.expect(400)?;
    assert!(no_json.kind.starts_with("text/plain"), "{}", no_json.kind);
    assert!(no_json.json()?["error"].is_string(), "{}", no_json.text);
    server.create(&json!({"handle": server.handle("x")})).await?.expect(422)?;
    let orphan = json!({"type": "cow", "volume": server.handle("none")});
    let orphan = json!({"handle": server.handle("x"), "strategy": orphan});
    server.create(&orphan).await?.expect(422)?;

    let handle = server.create_empty("bare", None).await?;
    let bare = server.get(&handle).await?.json()?;
    assert_eq!((&bare["handle"], &bare["properties"]), (&json!(handle), &Value::Null));
    assert!(bare["path"].as_str().is_some_and(|path| path.starts_with('/')), "{bare}");
    assert_eq!(bare.get("size"), None);
    let again = json!({"handle": handle, "strategy": {"type": "empty"}});
    server.create(&again).await?.expect(500)?;
    server.delete(&handle).await?.expect(204)?;
    server.get(&handle).await?.expect(404)
}

async fn properties(server: &Client) -> Result<()> {
    let own = ("own", server.own());
    let with = |value: &str| vec![own.clone(), ("team/key", value.to_owned())];
    let a = server.create_empty("a", Some(&with("1"))).await?;
    let b = server.create_empty("b", Some(&with("2"))).await?;
    let count = async |filters: &[(&str, &str)]| -> Result<usize> {
        let listed = server.list(filters).await?;
        listed.expect(200)?;
        Ok(listed.json()?.as_array().map_or(0, Vec::len))
    };
    let own = ("own", own.1.as_str());
    assert_eq!(count(&[own]).await?, 2);
    assert_eq!(count(&[own, ("team%2Fkey", "2")]).await?, 1, "filters are joined by AND");
    assert_eq!(count(&[own, ("team%2Fkey", "3")]).await?, 0);
    server.list(&[own, own]).await?.expect(422)?;
    server.set(&a, "own", "another").await?.expect(204)?;
    assert_eq!(count(&[own]).await?, 1);
    server.set(&server.handle("none"), "own", "x").await?.expect(404)?;
    // Its router takes a slash in a name for the end of it: such a property can be given at creation only.
    server.set(&a, "team/key", "3").await?.expect(404)?;
    let handles = json!([a, b, server.handle("none")]).to_string();
    let all = server.send(Method::DELETE, "/volumes/destroy", &[], handles.into()).await?;
    all.expect(204)?;
    assert_eq!(count(&[own]).await?, 0);
    Ok(())
}

async fn streams(server: &Client) -> Result<()> {
    let handle = server.create_empty("stream", None).await?;
    let path = format!("/volumes/{handle}/stream-in?path=.");
    let small = archive(&[("a", 10)]);
    let odd = server.send(Method::PUT, &path, &[("content-encoding", "br")], small.clone()).await?;
    odd.expect(400)?;
    server.stream_in(&handle, &vec![7; 2048], None).await?.expect(400)?;
    server.stream_in(&server.handle("none"), &small, None).await?.expect(404)?;
    server.stream_in(&handle, &archive(&[("a", 2 * MIB)]), Some("1")).await?.expect(403)?;
    server.get(&handle).await?.expect(200)?;
    server.stream_in(&handle, &small, None).await?.expect(204)?;
    server.delete(&handle).await?.expect(204)
}

async fn removal(server: &Client) -> Result<()> {
    let parent = server.create_empty("parent", None).await?;
    let child = server.create_copy("child", &parent, &[]).await?;
    server.delete(&parent).await?.expect(204)?;
    server.delete(&parent).await?.expect(404)?;
    server.get(&child).await?.expect(200)?;
    server.delete(&child).await?.expect(204)
}
