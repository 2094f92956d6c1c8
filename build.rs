//! Compiles the few calls of containerd's API that the agent uses. Pure Rust: no protoc is needed.

use std::path::Path;

/// Where the definitions are; each file holds one package.
const FOLDER: &str = "src/edge/containerd/proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(Path::new(FOLDER))? {
        files.push(entry?.path());
    }
    files.sort();
    let definitions = protox::compile(&files, [FOLDER])?;
    // Servers, too: tests play a containerd that fails on cue.
    tonic_prost_build::configure()
        .build_transport(false)
        .include_file("containerd.rs")
        .compile_fds(definitions)?;
    Ok(())
}
