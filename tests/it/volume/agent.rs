//! The agent's part: what it reports and evicts, whom it serves, and what is left when it is killed.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::rig::{Place, fingerprint, tree};
use crate::agent::fake::{Content, Fake};
use crate::agent::rig::{Agent, await_inventory};
use crate::deploy::definitions::establish;
use crate::deploy::manifests;
use crate::testbed::{ControlPlane, NodeSpec, free_ports, make_nodes};

pub const NODE: &str = "node-1";

/// An API server, a node, a containerd without images, and the node's store.
pub struct Stage {
    pub place: Place,
    socket: PathBuf,
    _containerd: Fake,
    pub plane: ControlPlane,
}

impl Stage {
    pub async fn set() -> Result<Self> {
        let plane = ControlPlane::start().await?;
        establish(&plane.client()).await?;
        make_nodes(&plane.client(), &[NodeSpec::new(NODE)]).await?;
        let socket = plane.dir().join("containerd.sock");
        let containerd = Fake::start(&socket, Content::default())?;
        Ok(Self { place: Place::new(), socket, _containerd: containerd, plane })
    }

    /// The socket of its containerd.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub async fn agent(&self, flags: &[&str]) -> Result<Agent> {
        let store = format!("--store={}", self.place.store().display());
        let flags = [&[store.as_str()], flags].concat();
        Agent::start(self.plane.dir(), self.plane.kubeconfig(), NODE, &self.socket, &flags).await
    }

    /// Waits until these keys are reported.
    async fn reported(&self, keys: &[&str]) -> Result<()> {
        let of = |volumes: &[dunnage::edge::inventory::node::StoredVolume]| {
            volumes.iter().map(|volume| volume.key.clone()).collect::<Vec<_>>() == keys
        };
        await_inventory(&self.plane.client(), NODE, |found| of(&found.volumes)).await?;
        Ok(())
    }

    /// The file with a token of an account, for an audience.
    pub async fn token(&self, account: &str, audience: &str) -> Result<String> {
        let file = self.place.path(&format!("token-{account}-{}", audience.len()));
        token(&self.plane.client(), account, audience, &file).await?;
        Ok(file.display().to_string())
    }
}

/// Writes a token of an account for an audience, as the kubelet does for a pod.
pub async fn token(client: &Client, account: &str, audience: &str, file: &Path) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let spec = TokenRequestSpec {
        audiences: Some(vec![audience.to_owned()]),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = accounts.create_token_request(account, &PostParams::default(), &request).await?;
    let token = answer.status.and_then(|status| status.token).context("no token")?;
    Ok(fs::write(file, token)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_volumes_are_reported_and_the_least_used_evicted_beyond_the_budget() -> Result<()> {
    let stage = Stage::set().await?;
    let place = &stage.place;
    for (key, count) in [("a", 5), ("b", 5), ("c", 5)] {
        let dir = place.path(key);
        tree(&dir, count, 100_000)?;
        place.json(&["put", key, &dir.display().to_string(), "--kind=output"])?;
    }
    // What a producer that died left, and one that lies about its bytes.
    fs::create_dir_all(place.store().join(".staging/dead/data"))?;
    fs::create_dir_all(place.folder("liar").join("data"))?;
    let record = json!({"key": "liar", "bytes": 1_u64 << 50, "sealed": true, "created":
        "2100-01-01T00:00:00Z"});
    fs::write(place.folder("liar").join("volume.json"), record.to_string())?;
    let mut agent = stage.agent(&[]).await?;
    stage.reported(&["a", "b", "c", "liar"]).await?;
    assert_eq!(place.leftovers(), 0);
    let found = await_inventory(&stage.plane.client(), NODE, |_| true).await?.spec;
    let listed = place.json(&["ls"])?;
    assert_eq!(json!(found.volumes[0].bytes), listed["volumes"][0]["bytes"]);
    assert!(found.volumes[0].last_used.is_some() && found.volumes[0].kind == "output");
    assert!(found.volumes[3].bytes < 100_000, "{:?}", found.volumes[3]);
    assert_eq!(found.volume_server, None);
    assert!(agent.get("/readyz").await?.1.contains("[+]volumes ok"));

    // Used last: it stays. In use: it stays, too.
    agent.process().kill();
    place.json(&["get", "a", &place.path("got").display().to_string()])?;
    let held = fs::File::open(place.folder("b"))?;
    held.lock_shared()?;
    let mut agent = stage.agent(&["--store-budget-bytes=1100000"]).await?;
    stage.reported(&["a", "b", "liar"]).await?;
    let evicted = "dunnage_agent_evicted_volumes_total";
    assert!((agent.metric(evicted).await? - 1.0).abs() < f64::EPSILON);
    agent.process().kill();
    drop(held);
    let mut agent = stage.agent(&["--store-budget-bytes=700000"]).await?;
    stage.reported(&["a", "liar"]).await?;
    assert!((agent.metric(evicted).await? - 1.0).abs() < f64::EPSILON);
    assert_eq!(place.keys()?, ["a", "liar"]);
    assert_eq!(place.leftovers(), 0);

    // A store that is gone is said, and does not end the agent.
    fs::rename(place.store(), place.path("away"))?;
    let told = |_, text: &str| text.contains("[-]volumes: cannot read");
    agent.await_answer("/readyz", told).await?;
    let client = stage.plane.client();
    let found = await_inventory(&client, NODE, |found| found.volumes.is_empty()).await?;
    assert!(!found.spec.lists_volumes, "nobody knows what is there");
    fs::rename(place.path("away"), place.store())?;
    let found = await_inventory(&client, NODE, |found| found.lists_volumes).await?;
    assert_eq!(found.spec.volumes.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_while_it_evicts_leaves_a_store_that_the_next_one_reports() -> Result<()> {
    let stage = Stage::set().await?;
    let place = &stage.place;
    let dir = place.path("many");
    tree(&dir, 20_000, 10)?;
    place.json(&["put", "large", &dir.display().to_string()])?;
    place.put("small", "text")?;
    let mut agent = stage.agent(&["--store-budget-bytes=100000"]).await?;
    // In the middle of the deletion: the volume is gone, its files are not.
    let deadline = std::time::Instant::now() + super::rig::PATIENCE;
    while place.folder("large").exists() {
        assert!(std::time::Instant::now() < deadline, "not evicted");
        tokio::task::yield_now().await;
    }
    agent.process().kill();
    assert_eq!(place.leftovers(), 1);
    assert_eq!(place.keys()?, ["small"]);
    let _agent = stage.agent(&[]).await?;
    stage.reported(&["small"]).await?;
    assert_eq!(place.leftovers(), 0);
    Ok(())
}

/// Makes an account without rights.
pub async fn make_account(client: &Client, name: &str) -> Result<()> {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let account = ServiceAccount { metadata, ..ServiceAccount::default() };
    Api::namespaced(client.clone(), "default").create(&PostParams::default(), &account).await?;
    Ok(())
}

/// Lets an account do what the role for readers in `agent.yaml` allows.
pub async fn allow(client: &Client, account: &str) -> Result<()> {
    let objects = manifests::objects()?.into_iter().map(|(_, object)| object);
    let is_readers = |object: &Value| {
        object["kind"] == "ClusterRole" && object["metadata"]["name"] == "dunnage-volumes"
    };
    let role = objects.into_iter().find(is_readers).context("no role in agent.yaml")?;
    let binding = json!({
        "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "dunnage-volumes"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
    });
    use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
    let roles: Api<ClusterRole> = Api::all(client.clone());
    roles.create(&PostParams::default(), &serde_json::from_value(role)?).await?;
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding)?).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_got_from_the_node_that_reports_it_by_who_may() -> Result<()> {
    let stage = Stage::set().await?;
    let client = stage.plane.client();
    let dir = stage.place.path("tree");
    tree(&dir, 30, 200_000)?;
    stage.place.json(&["put", "app@1", &dir.display().to_string(), "--kind=task-cache"])?;
    let [port] = free_ports()?;
    let agent = stage.agent(&[&format!("--volume-listen=127.0.0.1:{port}")]).await?;
    stage.reported(&["app@1"]).await?;
    make_account(&client, "step").await?;

    let there = Place::new();
    let to = there.path("got").display().to_string();
    let url = format!("--peer=http://127.0.0.1:{port}");
    let fails = |place: &Place, token: &str, part: &str| {
        let token = format!("--token-file={token}");
        let error = place.error(&["get", "app@1", &to, &url, &token]);
        assert!(error.contains(part), "{error}");
    };
    fails(&there, "/nonexistent", "a token with audience dunnage.dev");
    // Good for the API server, and not for this.
    let other = stage.token("step", "https://kubernetes.default.svc").await?;
    fails(&there, &other, "a token with audience dunnage.dev");
    let token = stage.token("step", "dunnage.dev").await?;
    fails(&there, &token, "ClusterRole dunnage-volumes is not bound");
    allow(&client, "step").await?;

    let kubeconfig = stage.plane.kubeconfig_for_service_account("default", "step").await?;
    let flags = [format!("--kubeconfig={}", kubeconfig.display()), format!("--token-file={token}")];
    // Rights take a moment to be known to the API server.
    let got = loop {
        match there.json(&["get", "app@1", &to, &flags[0], &flags[1]]) {
            Err(error) if error.to_string().contains("is not bound") => {}
            got => break got?,
        }
    };
    assert_eq!((&got["source"], &got["from"]), (&"peer".into(), &NODE.into()));
    let streamed = got["streamedBytes"].as_u64().context("bytes")?;
    assert!((6_000_000..6_100_000).contains(&streamed), "{got}");
    assert_eq!(fingerprint(&dir)?, fingerprint(&there.path("got"))?);
    assert_eq!(there.json(&["ls"])?["volumes"][0]["kind"], "task-cache");
    let ok = "dunnage_agent_volume_requests_total{result=\"ok\"}";
    assert!((agent.metric(ok).await? - 2.0).abs() < f64::EPSILON, "one question, one stream");
    from_any_byte_on(&stage, port, &token).await?;
    from_one_that_restarts(&stage, port, &token).await?;
    let error = there.error(&["get", "app@2", &to, &flags[0], &flags[1]]);
    assert!(error.contains("no node reports it; no --registry to ask"), "{error}");
    Ok(())
}

/// Every part of the archive is the same part of the whole.
async fn from_any_byte_on(stage: &Stage, port: u16, token: &str) -> Result<()> {
    let id = dunnage::edge::volume::id("app@1");
    let url = format!("http://127.0.0.1:{port}/volumes/{id}");
    let token = fs::read_to_string(token)?;
    let ask = |range: Option<u64>, tag: &str| {
        let mut request = crate::support::client().get(&url).bearer_auth(&token);
        if let Some(from) = range {
            request = request.header("range", format!("bytes={from}-"));
        }
        if tag.is_empty() { request } else { request.header("if-match", tag) }
    };
    let whole = ask(None, "").send().await?;
    let tag = whole.headers()["etag"].to_str()?.to_owned();
    let whole = whole.bytes().await?;
    let digest = dunnage::model::chain_id::sha256(&whole);
    assert_eq!(tag, format!("\"{digest}\""));
    for from in [0, 1, 511, 512, 200_512, 200_513, 1_000_003, whole.len() - 1] {
        let part = ask(Some(from as u64), &tag).send().await?;
        assert_eq!(part.status(), 206);
        let range = format!("bytes {from}-{}/{}", whole.len() - 1, whole.len());
        assert_eq!(part.headers()["content-range"], range.as_str());
        assert!(part.bytes().await? == whole[from..], "from {from}");
    }
    assert_eq!(ask(Some(whole.len() as u64), "").send().await?.status(), 416);
    assert_eq!(ask(None, "\"sha256:other\"").send().await?.status(), 412);
    let absent = url.replace(&id, &"0".repeat(64));
    let absent = crate::support::client().get(absent).bearer_auth(&token).send().await?;
    assert_eq!(absent.status(), 404);
    assert!(stage.place.leftovers() == 0);
    Ok(())
}

/// Passes connections on to an agent, and is gone for a while when the answers had so many bytes.
async fn restarting(to: u16, bytes_max: u64) -> Result<u16> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        let broken = Arc::new(Notify::new());
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (client, _) = accepted?;
                    tokio::spawn(pass(client, to, bytes_max, broken.clone()));
                }
                () = broken.notified() => {
                    drop(listener);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
                }
            }
        }
        #[expect(unreachable_code, reason = "says what the task fails with")]
        anyhow::Ok(())
    });
    Ok(port)
}

async fn pass(client: TcpStream, to: u16, bytes_max: u64, broken: Arc<Notify>) -> Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let asking = tokio::io::copy(&mut from_client, &mut to_server);
    let mut from_server = from_server.take(bytes_max);
    let answering = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        _ = asking => {}
        passed = answering => if passed? == bytes_max { broken.notify_one() },
    }
    Ok(())
}

/// Nothing that came already comes again.
async fn from_one_that_restarts(stage: &Stage, port: u16, token: &str) -> Result<()> {
    let there = Place::new();
    let proxy = restarting(port, 2_500_000).await?;
    let to = there.path("got").display().to_string();
    let (peer, token) =
        (format!("--peer=http://127.0.0.1:{proxy}"), format!("--token-file={token}"));
    let got = there.json(&["get", "app@1", &to, &peer, &token])?;
    assert_eq!(got["source"], "peer");
    assert_eq!(fingerprint(&stage.place.path("tree"))?, fingerprint(&there.path("got"))?);
    let record = fs::read_to_string(there.folder("app@1").join("volume.json"))?;
    let record: Value = serde_json::from_str(&record)?;
    assert_eq!(got["streamedBytes"], record["archiveBytes"]);
    Ok(())
}
