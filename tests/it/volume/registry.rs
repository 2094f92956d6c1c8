//! Volumes in a real registry: pushed, got on another node, refused where they are not what was sealed.

use std::fs;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::rig::{Place, fingerprint, tree};
use crate::registry::credentials::HTPASSWD;
use crate::registry::rig::write_hosts;
use crate::registry::server::Registry;
use crate::registry::token_server::{PASSWORD, REFRESH_TOKEN, TokenServer, USER};

const NAME: &str = "registry.example";
const REPOSITORY: &str = "--registry=registry.example/ci/volumes";

/// A registry, and the flag by which it is found.
async fn registry(place: &Place) -> Result<(Registry, String)> {
    let registry = Registry::plain(place.dir.path()).await?;
    let hosts = place.path("hosts");
    write_hosts(&hosts, NAME, &registry.hosts_toml())?;
    Ok((registry, format!("--registry-hosts-dir={}", hosts.display())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_volume_is_got_where_no_node_has_it() -> Result<()> {
    let (here, there) = (Place::new(), Place::new());
    let (_registry, hosts) = registry(&here).await?;
    let dir = here.path("tree");
    tree(&dir, 20, 300_000)?;
    let from = dir.display().to_string();
    let put = ["put", "app@1", &from, "--kind=output", "--push", REPOSITORY, &hosts];
    let pushed = here.json(&put)?;
    let sent = pushed["pushedBytes"].as_u64().unwrap_or(0);
    assert!(sent > 6_000_000 && sent < 6_100_000, "{pushed}");
    assert_eq!(here.json(&put)?["pushedBytes"], 0, "it is there already");

    let to = there.path("got").display().to_string();
    let get = ["get", "app@1", &to, REPOSITORY, &hosts];
    let got = there.json(&get)?;
    assert_eq!((&got["source"], &got["from"]), (&"registry".into(), &REPOSITORY[11..].into()));
    assert_eq!((&got["streamedBytes"], &got["digest"]), (&sent.into(), &pushed["digest"]));
    assert_eq!(fingerprint(&dir)?, fingerprint(&there.path("got"))?);
    let listed = there.json(&["ls"])?["volumes"][0].clone();
    assert_eq!((&listed["kind"], &listed["key"]), (&"output".into(), &"app@1".into()));
    // From now on this node has it.
    fs::remove_dir_all(there.path("got"))?;
    let again = there.json(&get)?;
    assert_eq!((&again["source"], &again["streamedBytes"]), (&"local".into(), &0.into()));

    let error = there.error(&["get", "app@2", &to, REPOSITORY, &hosts]);
    for part in ["no volume \"app@2\" in ", "API server", "registry.example/ci/volumes: it has no"]
    {
        assert!(error.contains(part), "{error}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_volume_of_this_node_is_replaced_by_the_registrys() -> Result<()> {
    let place = Place::new();
    let (_registry, hosts) = registry(&place).await?;
    place.put("k", "text")?;
    let from = place.path("to-put").display().to_string();
    place.json(&["put", "k", &from, "--push", REPOSITORY, &hosts])?;
    fs::write(place.folder("k").join("data/file"), "test")?;
    let to = place.path("out").display().to_string();
    let got = place.json(&["get", "k", &to, REPOSITORY, &hosts])?;
    assert_eq!(got["source"], "registry");
    assert_eq!(fs::read_to_string(place.path("out/file"))?, "text");
    assert_eq!(place.get("k")?, "text");

    // Also where its record is, or its tree is gone.
    let damage: [fn(&std::path::Path) -> std::io::Result<()>; 2] = [
        |folder| fs::write(folder.join("volume.json"), "{"),
        |folder| fs::remove_dir_all(folder.join("data")),
    ];
    for damage in damage {
        fs::remove_dir_all(&to)?;
        damage(&place.folder("k"))?;
        let got = place.json(&["get", "k", &to, REPOSITORY, &hosts])?;
        assert_eq!(got["source"], "registry");
        assert_eq!(place.get("k")?, "text");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_registry_lost_or_changed_is_not_sealed() -> Result<()> {
    let (here, there) = (Place::new(), Place::new());
    let (registry, hosts) = registry(&here).await?;
    let dir = here.path("tree");
    tree(&dir, 3, 10_000)?;
    let from = dir.display().to_string();
    let put = here.json(&["put", "k", &from, "--push", REPOSITORY, &hosts])?;
    let digest = put["digest"].as_str().unwrap_or_default().trim_start_matches("sha256:");
    let port = registry.address.rsplit(':').next().unwrap_or_default();
    let blob = here.path(&format!(
        "registry-{port}/docker/registry/v2/blobs/sha256/{}/{digest}/data",
        &digest[..2]
    ));
    let mut bytes = fs::read(&blob)?;
    bytes[600] ^= 1;
    fs::write(&blob, bytes)?;
    let to = there.path("got").display().to_string();
    let error = there.error(&["get", "k", &to, REPOSITORY, &hosts]);
    assert!(error.contains("wrong digest: sha256:"), "{error}");
    assert!(there.keys()?.is_empty() && !there.path("got").exists());
    assert_eq!(there.leftovers(), 0);
    Ok(())
}

/// Passes connections on, and breaks each after so many bytes of the answer.
async fn breaking(to: String, bytes_max: u64) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&to).await else { return };
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (from_server, mut to_server) = server.into_split();
                let asking = tokio::io::copy(&mut from_client, &mut to_server);
                let mut from_server = from_server.take(bytes_max);
                let answering = tokio::io::copy(&mut from_server, &mut to_client);
                // Both end with the first: a connection that is cut off.
                tokio::select! { _ = asking => {}, _ = answering => {} }
            });
        }
    });
    Ok(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_again_and_again_goes_on_where_it_broke() -> Result<()> {
    let (here, there) = (Place::new(), Place::new());
    let (registry, hosts) = registry(&here).await?;
    let dir = here.path("tree");
    tree(&dir, 10, 500_000)?;
    let from = dir.display().to_string();
    here.json(&["put", "k", &from, "--push", REPOSITORY, &hosts])?;
    let proxy = breaking(registry.address.clone(), 1_200_000).await?;
    let toml = format!("server = \"http://{proxy}\"\n");
    write_hosts(&there.path("hosts"), NAME, &toml)?;
    let hosts = format!("--registry-hosts-dir={}", there.path("hosts").display());
    let to = there.path("got").display().to_string();
    let got = there.json(&["get", "k", &to, REPOSITORY, &hosts])?;
    assert_eq!(fingerprint(&dir)?, fingerprint(&there.path("got"))?);
    // Nothing came twice.
    let record = fs::read_to_string(there.folder("k").join("volume.json"))?;
    let record: serde_json::Value = serde_json::from_str(&record)?;
    assert_eq!(got["streamedBytes"], record["archiveBytes"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_a_password_gets_that_of_the_docker_config() -> Result<()> {
    let (here, there) = (Place::new(), Place::new());
    let file = here.path("htpasswd");
    fs::write(&file, HTPASSWD)?;
    let auth = format!("auth:\n  htpasswd:\n    realm: r\n    path: {}\n", file.display());
    let registry = Registry::start(here.dir.path(), &auth).await?;
    write_hosts(&here.path("hosts"), NAME, &registry.hosts_toml())?;
    let hosts = format!("--registry-hosts-dir={}", here.path("hosts").display());
    let auths = serde_json::json!({"auths": {NAME: {"auth": "YWxpY2U6d29uZGVybGFuZA=="}}});
    fs::write(here.path("config.json"), auths.to_string())?;
    let config = format!("--docker-config={}", here.path("config.json").display());

    place_text(&here)?;
    let from = here.path("tree").display().to_string();
    let error = here.error(&["put", "k", &from, "--push", REPOSITORY, &hosts]);
    assert!(error.contains("sealed on this node, but not pushed"), "{error}");
    assert_eq!(here.keys()?, ["k"]);
    here.json(&["put", "k", &from, "--push", REPOSITORY, &hosts, &config])?;
    let to = there.path("got").display().to_string();
    let error = there.error(&["get", "k", &to, REPOSITORY, &hosts]);
    assert!(error.contains("it wants name and password"), "{error}");
    let got = there.json(&["get", "k", &to, REPOSITORY, &hosts, &config])?;
    assert_eq!(got["source"], "registry");
    assert_eq!(fs::read_to_string(there.path("got/file"))?, "text");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_a_token_gets_one_for_what_is_done() -> Result<()> {
    let here = Place::new();
    let tokens = TokenServer::start(here.dir.path()).await?;
    let registry = Registry::start(here.dir.path(), &tokens.registry_config()).await?;
    write_hosts(&here.path("hosts"), NAME, &registry.hosts_toml())?;
    let hosts = format!("--registry-hosts-dir={}", here.path("hosts").display());
    let config = |name: &str, auth: serde_json::Value| -> Result<String> {
        let file = here.path(name);
        fs::write(&file, serde_json::json!({"auths": {NAME: auth}}).to_string())?;
        Ok(format!("--docker-config={}", file.display()))
    };
    let password = config("password", serde_json::json!({"username": USER, "password": PASSWORD}))?;
    let guessed = config("guessed", serde_json::json!({"username": USER, "password": "x"}))?;
    let refresh = config("refresh", serde_json::json!({"identitytoken": REFRESH_TOKEN}))?;
    place_text(&here)?;
    let from = here.path("tree").display().to_string();
    let put = |key| ["put", key, &from, "--push", REPOSITORY, &hosts].map(str::to_owned).to_vec();

    // Nobody gets a token, and it is good for nothing.
    let refused = [put("k"), [put("k"), vec![guessed.clone()]].concat()];
    for arguments in refused {
        let error = here.error(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(error.contains("sealed on this node, but not pushed"), "{error}");
        assert!(error.contains("401"), "{error}");
    }
    for (key, config) in [("by password", &password), ("by refresh token", &refresh)] {
        let before = tokens.granted();
        let arguments = [put(key), vec![config.clone()]].concat();
        here.json(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
        assert_eq!(tokens.granted() - before, 1, "one for all requests of a push");
        let there = Place::new();
        let to = there.path("got").display().to_string();
        let error = there.error(&["get", key, &to, REPOSITORY, &hosts]);
        assert!(error.contains("401"), "{error}");
        let before = tokens.granted();
        let got = there.json(&["get", key, &to, REPOSITORY, &hosts, config])?;
        assert_eq!(got["source"], "registry");
        assert_eq!(fs::read_to_string(there.path("got/file"))?, "text");
        assert_eq!(tokens.granted() - before, 1, "one for all requests of a pull");
    }
    Ok(())
}

fn place_text(place: &Place) -> Result<()> {
    fs::create_dir(place.path("tree"))?;
    Ok(fs::write(place.path("tree/file"), "text")?)
}

/// A port that answers every request by a function, and notes which came: method, path, and the headers
/// that are for the registry alone.
async fn answering(
    answer: impl Fn(&str, &HeaderMap) -> Response + Clone + Send + Sync + 'static,
) -> Result<(String, Arc<Mutex<Vec<(String, bool)>>>)> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let asked = format!("{method} {}", uri.path());
        let is_trusted = headers.contains_key("authorization") || headers.contains_key("x-own");
        noted.lock().expect("no panic").push((asked.clone(), is_trusted));
        drop(body);
        std::future::ready(answer(&asked, &headers))
    };
    let router = axum::Router::new().fallback(handler);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok((address, asked))
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_stay_with_the_registry_where_it_sends_an_upload_elsewhere() -> Result<()> {
    let place = Place::new();
    place_text(&place)?;
    let status = |code: u16| StatusCode::from_u16(code).expect("a status");
    for refusal in [None, Some(401)] {
        let challenge = [("www-authenticate", "Basic realm=\"r\"")];
        let taken = move |_: &str, _: &HeaderMap| match refusal {
            Some(code) => (status(code), challenge).into_response(),
            None => status(201).into_response(),
        };
        let (elsewhere, told_elsewhere) = answering(taken).await?;
        let registry = move |asked: &str, headers: &HeaderMap| {
            if !headers.contains_key("authorization") {
                return (status(401), challenge).into_response();
            }
            let place = [("location", format!("http://{elsewhere}/upload"))];
            match asked.split_once(' ') {
                Some(("HEAD", _)) => status(404).into_response(),
                Some(("POST", _)) => (status(202), place).into_response(),
                _ => status(201).into_response(),
            }
        };
        let (registry, told) = answering(registry).await?;
        let toml = format!("server = \"http://{registry}\"\n[header]\nx-own = \"secret\"\n");
        write_hosts(&place.path("hosts"), NAME, &toml)?;
        let hosts = format!("--registry-hosts-dir={}", place.path("hosts").display());
        let auths =
            serde_json::json!({"auths": {NAME: {"auth": "dTpw"}, &registry: {"auth": "dTpw"}}});
        fs::write(place.path("config.json"), auths.to_string())?;
        let config = format!("--docker-config={}", place.path("config.json").display());
        let from = place.path("tree").display().to_string();
        let put = ["put", "k", &from, "--push", REPOSITORY, &hosts, &config];
        match refusal {
            None => drop(place.json(&put)?),
            Some(_) => assert!(place.error(&put).contains("401 Unauthorized")),
        }
        let told_elsewhere = told_elsewhere.lock().expect("no panic").clone();
        assert!(!told_elsewhere.is_empty());
        let is_kept =
            told_elsewhere.iter().all(|(asked, is_trusted)| asked == "PUT /upload" && !is_trusted);
        assert!(is_kept, "{told_elsewhere:?}");
        assert!(told.lock().expect("no panic").iter().any(|(_, is_trusted)| *is_trusted));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_means_is_not_asked_of_a_mirror_that_only_hands_out_bytes() -> Result<()> {
    let place = Place::new();
    let absent = |_: &str, _: &HeaderMap| StatusCode::NOT_FOUND.into_response();
    let (mirror, told_mirror) = answering(absent).await?;
    let (server, told_server) = answering(absent).await?;
    let toml = format!(
        "server = \"http://{server}\"\n[host.\"http://{mirror}\"]\ncapabilities = [\"pull\"]\n"
    );
    write_hosts(&place.path("hosts"), NAME, &toml)?;
    let hosts = format!("--registry-hosts-dir={}", place.path("hosts").display());
    let to = place.path("got").display().to_string();
    let error = place.error(&["get", "k", &to, REPOSITORY, &hosts]);
    assert!(error.contains("registry.example/ci/volumes: it has no such volume"), "{error}");
    assert_eq!(told_mirror.lock().expect("no panic").len(), 0);
    assert_eq!(told_server.lock().expect("no panic").len(), 1);
    Ok(())
}

#[test]
fn a_registry_that_cannot_be_one_is_said_before_anything_is_put() -> Result<()> {
    let place = Place::new();
    fs::create_dir(place.path("tree"))?;
    let from = place.path("tree").display().to_string();
    for (name, part) in [
        ("--registry=r.example/v:tag", "expected a repository without a tag"),
        ("--registry=127.0.0.1:5000/v", "give --registry-hosts-dir"),
    ] {
        let error = place.error(&["put", "k", &from, "--push", name]);
        assert!(error.contains(part), "{error}");
    }
    assert!(!place.store().exists());
    Ok(())
}
