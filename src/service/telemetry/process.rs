//! Metrics of the process, with the names of Prometheus' own clients:
//! <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>. They come from
//! `/proc`, which only Linux has.

/// Reads the state of the process. A value that cannot be read keeps its last value.
#[cfg(target_os = "linux")]
pub(super) fn look() {
    // A line in the log would help no operator: the gauges stand still or are missing.
    let _ = read();
}

/// Reads nothing: this system has no `/proc`.
#[cfg(not(target_os = "linux"))]
pub(super) fn look() {}

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "bytes, files, threads and seconds for a gauge")]
fn read() -> procfs::ProcResult<()> {
    use metrics::gauge;
    use procfs::WithCurrentSystemInfo;
    use procfs::process::{LimitValue, Process};

    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = procfs::ticks_per_second() as f64;
    gauge!("process_cpu_seconds_total").set((stat.utime + stat.stime) as f64 / ticks);
    gauge!("process_resident_memory_bytes").set(stat.rss_bytes().get() as f64);
    gauge!("process_virtual_memory_bytes").set(stat.vsize as f64);
    gauge!("process_threads").set(stat.num_threads as f64);
    gauge!("process_start_time_seconds").set(procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks);
    gauge!("process_open_fds").set(process.fd_count()? as f64);
    if let LimitValue::Value(files) = process.limits()?.max_open_files.soft_limit {
        gauge!("process_max_fds").set(files as f64);
    }
    Ok(())
}
