//! Who may speak to the API server, and how: one self-signed certificate, one
//! administrator's token, and kubeconfig files made of them.
//!
//! Leaves alone what an account may do: that is RBAC's, as in any cluster.

use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddrV4;
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::{KeyPair, generate_simple_self_signed};
use serde_json::json;

use super::run_dir::RunDir;

/// Bytes of chance in the administrator's token: not to be guessed.
const TOKEN_BYTES: usize = 16;

/// The address of an API server and what its clients need.
pub struct Access {
    /// `https://ADDRESS:PORT`.
    pub url: String,
    /// The certificate that clients trust, as kubeconfig files hold it: PEM in base64.
    pub ca_data: String,
    /// The token of a member of `system:masters`.
    pub token: String,
}

impl Access {
    /// Makes the credentials of a server that will listen on `address`, and
    /// leaves them in `dir`, named as the server's flags name them.
    pub fn make(dir: &RunDir, address: SocketAddrV4) -> Result<Self> {
        let serving =
            generate_simple_self_signed([address.ip().to_string(), "localhost".to_owned()])?;
        let certificate = serving.cert.pem();
        let token = random_token()?;
        fs::write(dir.join("serving.crt"), &certificate)?;
        fs::write(dir.join("serving.key"), serving.signing_key.serialize_pem())?;
        let accounts = KeyPair::generate()?;
        fs::write(dir.join("accounts.key"), accounts.serialize_pem())?;
        fs::write(dir.join("accounts.pub"), accounts.public_key_pem())?;
        fs::write(dir.join("tokens.csv"), format!("{token},admin,admin,\"system:masters\"\n"))?;
        Ok(Self {
            url: format!("https://{address}"),
            ca_data: base64(certificate.into_bytes())?,
            token,
        })
    }

    /// Writes a kubeconfig file for the holder of `token`.
    pub fn write_kubeconfig(&self, path: &Path, token: &str) -> Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": {
                "server": self.url, "certificate-authority-data": self.ca_data,
            }}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "user"}}],
            "current-context": "testbed",
        });
        fs::write(path, config.to_string())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A client as a kubeconfig file describes it.
pub async fn client_of(kubeconfig: &Path) -> Result<Client> {
    let options = KubeConfigOptions::default();
    let config =
        Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &options).await?;
    Ok(Client::try_from(config)?)
}

/// The encoding that Kubernetes gives to bytes in JSON.
fn base64(bytes: Vec<u8>) -> Result<String> {
    Ok(serde_json::from_value(serde_json::to_value(ByteString(bytes))?)?)
}

fn random_token() -> Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
