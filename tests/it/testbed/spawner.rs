//! Starts every child from one thread that lives as long as the test binary.
//!
//! The kernel ends a child by its parent-death signal when the *thread* that
//! started it ends, and a test's thread ends with the test: a child started
//! there could not be handed on. Decides nothing about what is started.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;

/// A command to start, and where its child goes.
type Order = (Command, Sender<io::Result<Child>>);

static ORDERS: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, taken) = channel();
    thread::Builder::new()
        .name("spawner".to_owned())
        .spawn(move || serve(&taken))
        .expect("a test binary can start one thread");
    Mutex::new(orders)
});

fn serve(orders: &Receiver<Order>) {
    for (mut command, reply) in orders {
        // A caller that is gone has dropped its end; its child dies with it.
        if let Err(unwanted) = reply.send(command.spawn())
            && let Ok(mut child) = unwanted.0
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a command; waits for the few milliseconds that takes.
pub fn spawn(command: Command) -> io::Result<Child> {
    let gone = || io::Error::other("the spawner thread is gone");
    let (reply, child) = channel();
    ORDERS.lock().map_err(|_| gone())?.send((command, reply)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}
