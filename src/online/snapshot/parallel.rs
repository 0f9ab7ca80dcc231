//! Threads that take work from one list, and stop at the first fault.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does every job once, on at most `threads` threads; each makes a worker for itself.
///
/// # Errors
/// The first fault of a worker. The others end after the job that they are at.
pub fn each<J: Sync, W, E: Send>(
    threads: usize,
    jobs: &[J],
    worker: impl Fn() -> Result<W, E> + Sync,
    work: impl Fn(&mut W, &J) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let fault: Mutex<Option<E>> = Mutex::new(None);
    let run = || -> Result<(), E> {
        let mut worker = worker()?;
        while !stop.load(Ordering::Relaxed)
            && let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed))
        {
            work(&mut worker, job)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                if let Err(found) = run() {
                    stop.store(true, Ordering::Relaxed);
                    fault.lock().expect("no panic inside").get_or_insert(found);
                }
            });
        }
    });
    fault
        .into_inner()
        .expect("no panic inside")
        .map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_and_a_fault_is_told() {
        let jobs: Vec<u64> = (1..=1000).collect();
        let sum = Mutex::new(0);
        let add = |(): &mut (), job: &u64| {
            *sum.lock().unwrap() += job;
            Ok::<(), &str>(())
        };
        assert_eq!(each(4, &jobs, || Ok(()), add), Ok(()));
        assert_eq!(*sum.lock().unwrap(), 500_500);
        let fails = |(): &mut (), job: &u64| if *job == 7 { Err("seven") } else { Ok(()) };
        assert_eq!(each(4, &jobs, || Ok(()), fails), Err("seven"));
        assert_eq!(
            each(4, &jobs, || Err::<(), _>("no worker"), |(), _| Ok(())),
            Err("no worker")
        );
        assert_eq!(
            each(4, &[] as &[u64], || Ok::<(), &str>(()), |(), _| Ok(())),
            Ok(())
        );
    }
}
