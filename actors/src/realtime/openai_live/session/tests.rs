mod above;
mod opening;
mod oracle;
mod rig;
mod scripts;
mod speech;
mod talk;
mod tools;

pub(super) use self::rig::Rig;

/// Any instant.
pub(super) fn now() -> std::time::Instant {
    crate::clock::now()
}
