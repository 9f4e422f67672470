//! Threads that work for the disk, beside the calls: journals, records, recordings and retention.
//!
//! A call's frame cannot wait; a write to disk can. These threads give way to the threads of calls
//! on a busy processor. They still get a tenth of a full processor, and all of one that is idle.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that gives way to those of the calls. `stack` is its size in bytes, where the
/// default is too large.
///
/// # Errors
/// When the system cannot start a thread.
pub fn spawn(name: &str, stack: Option<usize>, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = Builder::new().name(name.to_owned());
    let builder = match stack {
        Some(bytes) => builder.stack_size(bytes),
        None => builder,
    };
    builder.spawn(move || {
        give_way();
        work();
    })
}

/// Lowers the priority of this thread below that of the thread that started it. Linux has a niceness per thread; other systems have one per
/// process, which we leave alone.
#[cfg(target_os = "linux")]
fn give_way() {
    let lowered = rustix::process::getpriority_process(None)
        .and_then(|own| rustix::process::setpriority_process(None, (own + NICER).min(NICEST)));
    if let Err(problem) = lowered {
        log::debug!(problem:%; "a thread for the disk does not give way to calls");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

/// A tenth of the weight of a usual thread. Lower: frames are delayed while journals are synced, by
/// 5 to 15 ms for one frame in a hundred at hundreds of calls. Higher: a busy machine starves the
/// disk.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;
/// The greatest niceness there is.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_thread_for_the_disk_is_nicer_than_the_one_that_started_it() {
        let own = || rustix::process::getpriority_process(None).expect("a niceness");
        let (tell, niceness) = std::sync::mpsc::channel();
        let before = own();
        super::spawn("nice", Some(64 * 1024), move || tell.send(own()).expect("asked for")).expect("a thread");
        let nicer = niceness.recv().expect("a result");
        assert_eq!(nicer, (before + super::NICER).min(super::NICEST), "{before} before");
        assert_eq!(own(), before);
    }
}
