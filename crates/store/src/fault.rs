//! Failpoints: places where a test can end the process, and bugs it can plant.
//!
//! They exist only with the cargo feature `faults` (dev profile, fault stories); a test finds none in
//! the release binary. `FAILPOINTS="orders.place.committed=return"` in the environment arms one.

/// A named place of a purchase. Armed, the process says so on standard error and ends by SIGKILL.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "faults")]
    armed::kill_at(name);
    #[cfg(not(feature = "faults"))]
    let _ = name;
}

/// Whether the named bug is planted. Always `false` without the feature.
#[inline]
pub fn planted(name: &'static str) -> bool {
    #[cfg(feature = "faults")]
    return armed::hit(name);
    #[cfg(not(feature = "faults"))]
    {
        let _ = name;
        false
    }
}

/// Reads `FAILPOINTS`; called once by main. Does nothing without the feature.
pub fn arm_from_environment() {
    #[cfg(feature = "faults")]
    std::mem::forget(fail::FailScenario::setup());
}

#[cfg(feature = "faults")]
mod armed {
    pub(super) fn hit(name: &'static str) -> bool {
        fail::fail_point!(name, |_| true);
        false
    }

    #[allow(clippy::print_stderr, reason = "the story reads it to know that the point was reached")]
    pub(super) fn kill_at(name: &'static str) {
        if hit(name) {
            eprintln!("fault point reached: {name}");
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            loop {
                std::thread::park();
            }
        }
    }
}
