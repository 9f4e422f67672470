//! The heap on transparent huge pages: about 5 % less CPU a call, and no more memory while the service is idle.
//!
//! A call's state is some ten pages of 4 KiB, touched once in 20 ms. At hundreds of calls they do not fit the processor's cache of page
//! translations, and each frame waits for several to be looked up again; of pages of 2 MiB a thousand calls need some forty.
//!
//! glibc (from 2.35) asks the kernel for huge pages when its tunable `glibc.malloc.hugetlb` is 1, for its main arena alone, hence
//! `arena_max`; older versions know no such tunable and pass it over. Where the kernel's `transparent_hugepage/enabled` is `never`,
//! nothing changes. Tunables are read while a program is loaded and only from the environment, so the service starts itself once more.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::{env, io};

/// Starts the program of this process once more, with the same arguments and under the same process number, unless it has been or the
/// operator has set `GLIBC_TUNABLES`, even to nothing. To be called before anything is read or opened.
///
/// # Errors
/// When the program cannot be started; this process goes on with small pages.
pub(crate) fn prefer() -> io::Result<()> {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) || decided(|key| env::var_os(key)) {
        return Ok(());
    }
    start_again()
}

#[cfg(unix)]
fn start_again() -> io::Result<()> {
    use std::os::unix::process::CommandExt;

    let program = env::current_exe()?;
    if is_loader(&program) {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let mut program = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        program.arg0(name);
    }
    Err(program.args(arguments).env(TUNABLES, HUGE_PAGES).env(ASKED, "1").exec())
}

#[cfg(not(unix))]
fn start_again() -> io::Result<()> {
    Ok(())
}

/// Whether it is the dynamic loader, started by its own name and given ours. Started once more, it would look for a library `serve`.
fn is_loader(program: &Path) -> bool {
    let name = program.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    name.starts_with(b"ld-") || name.starts_with(b"ld.so")
}

/// Whether the environment already says what the heap is to be.
fn decided(variable: impl Fn(&OsStr) -> Option<OsString>) -> bool {
    [TUNABLES, ASKED].iter().any(|key| variable(OsStr::new(key)).is_some())
}

/// What glibc reads when a program is loaded.
const TUNABLES: &str = "GLIBC_TUNABLES";
const HUGE_PAGES: &str = "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1";
/// Says that the program has been started once more. A program with file capabilities never sees its tunables, and would go round.
const ASKED: &str = "SWITCHBOARD_HUGE_PAGES_ASKED";

#[cfg(test)]
mod tests;
