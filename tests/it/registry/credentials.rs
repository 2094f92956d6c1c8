//! Real registries that want to know who asks: by token and by password.

use anyhow::{Result, ensure};
use serde_json::json;

use super::image::Image;
use super::rig::Rig;
use super::server::Registry;
use super::token_server::{PASSWORD, REFRESH_TOKEN, TokenServer, USER};

const AMD64: &str = "linux/amd64";
/// `alice:wonderland`, by bcrypt at its least cost.
pub const HTPASSWD: &str = "alice:$2b$05$Pl34FBbqTauUohgJxprHLuoKnoSdSq6nLbZRsBh7/crxEJnqIpbXq\n";

fn docker_config(registry: &str, password: &str) -> serde_json::Value {
    json!({"auths": {registry: {"username": USER, "password": password}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn with_token_auth_the_public_is_read_by_anybody_and_the_rest_with_a_docker_config()
-> Result<()> {
    let dir = tempfile::tempdir()?;
    let tokens = TokenServer::start(dir.path()).await?;
    let mut registry = Registry::start(dir.path(), &tokens.registry_config()).await?;
    for repository in ["public/a", "private/a"] {
        registry = registry.authorized(tokens.push_header(repository)?);
        registry.push(repository, "1", &Image::oci(AMD64, &["base", repository])).await?;
        registry.push(repository, "2", &Image::oci(AMD64, &["base", repository, "2"])).await?;
    }
    let hosts = [("r.test", registry.hosts_toml())];
    let nobody = Rig::start(&hosts, &[AMD64])?;
    nobody.ask("r.test/private/a:1").await?;
    let reason = nobody.await_reason("r.test/private/a:1", AMD64).await?;
    ensure!(reason.contains("401"), "{reason}");
    nobody.ask("r.test/public/a:1").await?;
    nobody.await_layers("r.test/public/a:1", AMD64).await?;
    let granted = tokens.granted();
    nobody.ask("r.test/public/a:2").await?;
    nobody.await_layers("r.test/public/a:2", AMD64).await?;
    assert_eq!(tokens.granted(), granted, "one token serves a repository");

    let config = Some(docker_config("r.test", PASSWORD));
    let alice = Rig::with_docker_config(&hosts, &[AMD64], config)?;
    for name in ["r.test/private/a:1", "r.test/public/a:1"] {
        alice.ask(name).await?;
        assert_eq!(alice.await_layers(name, AMD64).await?["layers"], 2, "{name}");
    }
    // A wrong password shuts out of the private only.
    let config = Some(docker_config("r.test", "guessed"));
    let mallory = Rig::with_docker_config(&hosts, &[AMD64], config)?;
    mallory.ask("r.test/private/a:1").await?;
    mallory.await_reason("r.test/private/a:1", AMD64).await?;
    mallory.ask("r.test/public/a:1").await?;
    mallory.await_layers("r.test/public/a:1", AMD64).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_basic_auth_the_password_is_sent_when_asked_for_and_to_no_mirror() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("htpasswd");
    std::fs::write(&file, HTPASSWD)?;
    let auth = format!("auth:\n  htpasswd:\n    realm: r\n    path: {}\n", file.display());
    let registry = Registry::start(dir.path(), &auth).await?;
    let registry = registry.authorized("Basic YWxpY2U6d29uZGVybGFuZA==".to_owned());
    registry.push("ci/a", "1", &Image::oci(AMD64, &["base", "a"])).await?;
    let as_mirror = format!("[host.\"http://{}\"]\n", registry.address);
    let hosts = [("r.test", registry.hosts_toml()), ("m.test", as_mirror)];
    let mut config = json!({"auths": {
        "https://r.test": {"auth": "YWxpY2U6d29uZGVybGFuZA=="},
        "m.test": {"username": USER, "password": PASSWORD},
    }});
    let rig = Rig::with_docker_config(&hosts, &[AMD64], Some(config.clone()))?;
    rig.ask("r.test/ci/a:1").await?;
    rig.await_layers("r.test/ci/a:1", AMD64).await?;
    rig.ask("m.test/ci/a:1").await?;
    let reason = rig.await_reason("m.test/ci/a:1", AMD64).await?;
    assert_eq!(reason, "it wants name and password");
    // A mirror has credentials of its own.
    config["auths"][&registry.address] = config["auths"]["m.test"].clone();
    let rig = Rig::with_docker_config(&hosts, &[AMD64], Some(config))?;
    rig.ask("m.test/ci/a:1").await?;
    rig.await_layers("m.test/ci/a:1", AMD64).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_login_left_gets_further_ones_by_post() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let tokens = TokenServer::start(dir.path()).await?;
    let registry = Registry::start(dir.path(), &tokens.registry_config()).await?;
    let registry = registry.authorized(tokens.push_header("private/a")?);
    registry.push("private/a", "1", &Image::oci(AMD64, &["base", "a"])).await?;
    let hosts = [("r.test", registry.hosts_toml())];
    let rig = |token: &str| {
        let config = json!({"auths": {"r.test": {"identitytoken": token}}});
        Rig::with_docker_config(&hosts, &[AMD64], Some(config))
    };
    let known = rig(REFRESH_TOKEN)?;
    known.ask("r.test/private/a:1").await?;
    known.await_layers("r.test/private/a:1", AMD64).await?;
    assert_eq!(tokens.granted(), 1, "by post alone");
    let unknown = rig("withdrawn")?;
    unknown.ask("r.test/private/a:1").await?;
    let reason = unknown.await_reason("r.test/private/a:1", AMD64).await?;
    ensure!(reason.contains("401"), "{reason}");
    Ok(())
}
