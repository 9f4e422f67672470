//! Puts the heap on transparent huge pages: about 5 % less CPU per call, and no more memory while
//! the service is idle.
//!
//! A call's state is some ten pages of 4 KiB, touched once in 20 ms. With hundreds of calls the
//! pages do not fit the TLB (the processor's cache of page translations), and each frame waits for
//! several lookups. With pages of 2 MiB, a thousand calls need some forty.
//!
//! glibc (2.35 and later) requests huge pages from the kernel if its tunable `glibc.malloc.hugetlb`
//! is 1. It does so for its main arena alone, hence `arena_max`. Older versions ignore the tunable.
//! If the kernel's `transparent_hugepage/enabled` is `never`, nothing changes. glibc reads its
//! tunables from the environment when it loads a program, so the service executes itself again.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::{env, io};

/// Executes this process's program again, with the same arguments and the same process id. It does
/// nothing after the first time, or if the operator has set `GLIBC_TUNABLES`, even to nothing. Call
/// this before anything is read or opened.
///
/// # Errors
/// When the program cannot be started; this process continues with small pages.
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

/// Whether the program is the dynamic loader, started by name with ours as its argument. Executed
/// again, the loader would look for a library named `serve`.
fn is_loader(program: &Path) -> bool {
    let name = program.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    name.starts_with(b"ld-") || name.starts_with(b"ld.so")
}

/// Whether the environment already decides the settings of the heap.
fn decided(variable: impl Fn(&OsStr) -> Option<OsString>) -> bool {
    [TUNABLES, ASKED].iter().any(|key| variable(OsStr::new(key)).is_some())
}

/// The variable that glibc reads when it loads a program.
const TUNABLES: &str = "GLIBC_TUNABLES";
const HUGE_PAGES: &str = "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1";
/// Marks that the program was executed again. glibc hides the tunables from a program with file
/// capabilities, which would otherwise execute itself for ever.
const ASKED: &str = "SWITCHBOARD_HUGE_PAGES_ASKED";

#[cfg(test)]
mod tests;
