//! What a process and its descendants used, as Linux's `/proc` tells.

use std::fs;
use std::time::Duration;

/// CPU time since their start and memory now, of a process tree; and the machine's stolen time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) rss_kb: u64,
    /// All CPU time of the machine, and how much of it other guests took; both in ticks.
    ticks: u64,
    stolen: u64,
}

// === impl Usage ===

impl Usage {
    /// Nothing where no process is named: the usage of a direct connection.
    pub(crate) fn of(root: Option<u32>) -> Self {
        let mut usage = Self::default();
        (usage.ticks, usage.stolen) = machine_ticks();
        for pid in root.map(tree).unwrap_or_default() {
            usage.cpu += cpu(pid);
            usage.rss_kb += rss_kb(pid);
        }
        usage
    }

    /// This CPU time beside the memory of another moment.
    pub(crate) fn with_memory_of(mut self, other: &Self) -> Self {
        self.rss_kb = other.rss_kb;
        self
    }

    /// Percent of the machine's time that other guests took since `earlier`.
    pub(crate) fn steal_percent_since(&self, earlier: &Self) -> f64 {
        let (all, stolen) = (self.ticks - earlier.ticks, self.stolen - earlier.stolen);
        100.0 * stolen as f64 / all.max(1) as f64
    }
}

fn tree(root: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, parent(pid)?)))
        .collect();
    let mut tree = vec![root];
    let mut at = 0;
    while let Some(&pid) = tree.get(at) {
        tree.extend(parents.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| child));
        at += 1;
    }
    tree
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name, in parentheses, may hold anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// Nanoseconds on a CPU, of all threads: finer than the 10 ms ticks of `stat`.
fn cpu(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split_whitespace().next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

fn rss_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn machine_ticks() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let columns = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user nice system idle iowait irq softirq steal; what follows is counted in these already
    let ticks: Vec<u64> = columns.take(8).filter_map(|column| column.parse().ok()).collect();
    (ticks.iter().sum(), ticks.get(7).copied().unwrap_or(0))
}
