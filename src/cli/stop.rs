//! Ctrl-C and SIGTERM: once to stop cleanly, twice to end at once.

use tokio::sync::watch;

use crate::output::{Console, Line, messages};

/// Turns true when the process is asked to stop.
pub fn listen(console: Console) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        console.remark(Line::from(messages::STOPPING));
        // Nobody listening means that the walk is over already.
        let _ = sender.send(true);
        signal().await;
        // The shell's number for a program that an interrupt ended. The journal holds the intent of an effect in hand.
        std::process::exit(130);
    });
    receiver
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
