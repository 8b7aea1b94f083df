//! Address ranges that nest: which of them cover an address.
//!
//! Two CIDR blocks are either apart or one inside the other, so the blocks of one family form a forest. Sorted
//! by first address (wider first), the last block that begins at or below an address is either covering it or
//! below every block that does; walking up from there meets *all* covering blocks, not only the longest.

use std::net::IpAddr;

use ipnet::IpNet;

use super::num::{at, small};

/// Distinct networks with numbers.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: Forest,
    v6: Forest,
}

/// The blocks of one address family. A block's number is its place.
#[derive(Debug, Default)]
struct Forest {
    /// INVARIANT: ascending, a wider block before a narrower one with the same start.
    starts: Box<[u128]>,
    blocks: Box<[Block]>,
    /// Added to a place, so that both families share one numbering.
    base: u32,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    last: u128,
    /// Place of the narrowest block around this one.
    parent: Option<u32>,
}

/// The networks as the index numbers them: by number, ascending.
pub(super) struct Numbered {
    /// The forest to ask.
    pub(super) networks: Networks,
    /// For every network handed in, its number.
    pub(super) numbers: Vec<u32>,
}

// === impl Networks ===

impl Networks {
    /// Builds the forest; equal networks get the same number.
    pub(super) fn number(nets: &[IpNet]) -> Numbered {
        let nets: Vec<IpNet> = nets.iter().copied().map(canonical).collect();
        let mut v4: Vec<(u128, u128)> = nets.iter().filter(|net| is_v4(net)).map(bounds).collect();
        let mut v6: Vec<(u128, u128)> = nets.iter().filter(|net| !is_v4(net)).map(bounds).collect();
        let v4 = Forest::new(&mut v4, 0);
        let v6 = Forest::new(&mut v6, small(v4.starts.len()));
        let numbers = nets.iter().map(|net| if is_v4(net) { v4.place(bounds(net)) } else { v6.place(bounds(net)) });
        let numbers = numbers.collect();
        Numbered { networks: Self { v4, v6 }, numbers }
    }

    /// Calls `hit` with the number of every network that covers the address, narrowest first.
    pub(super) fn covering(&self, ip: IpAddr, mut hit: impl FnMut(u32)) {
        match ip {
            IpAddr::V4(ip) => self.v4.covering(u128::from(u32::from(ip)), &mut hit),
            IpAddr::V6(ip) => self.v6.covering(u128::from(ip), &mut hit),
        }
    }

    /// Whether any network covers the address.
    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        let mut found = false;
        self.covering(ip, |_| found = true);
        found
    }

    /// How many distinct networks there are.
    pub(super) fn len(&self) -> usize {
        self.v4.blocks.len() + self.v6.blocks.len()
    }
}

/// IPv4 networks out of their IPv6 mapping, without host bits.
fn canonical(net: IpNet) -> IpNet {
    let net = net.trunc();
    match net {
        IpNet::V4(_) => net,
        IpNet::V6(v6) => match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
            (Some(v4), Some(len)) => IpNet::new(IpAddr::V4(v4), len).unwrap_or(net),
            (Some(_) | None, _) => net,
        },
    }
}

fn is_v4(net: &IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}

/// First address, and the complement of the last: sorting by this puts wider blocks first.
fn bounds(net: &IpNet) -> (u128, u128) {
    match net {
        IpNet::V4(net) => (u128::from(u32::from(net.network())), !u128::from(u32::from(net.broadcast()))),
        IpNet::V6(net) => (u128::from(net.network()), !u128::from(net.broadcast())),
    }
}

// === impl Forest ===

impl Forest {
    fn new(bounds: &mut Vec<(u128, u128)>, base: u32) -> Self {
        bounds.sort_unstable();
        bounds.dedup();
        let mut blocks: Vec<Block> = Vec::with_capacity(bounds.len());
        // The blocks that begin at or before the current one and may still be open, narrowest last.
        let mut open: Vec<(u32, u128)> = Vec::new();
        for (place, (start, inverted)) in bounds.iter().enumerate() {
            while open.last().is_some_and(|(_, last)| last < start) {
                open.pop();
            }
            let last = !inverted;
            blocks.push(Block { last, parent: open.last().map(|(place, _)| *place) });
            open.push((small(place), last));
        }
        Self { starts: bounds.iter().map(|(start, _)| *start).collect(), blocks: blocks.into(), base }
    }

    fn place(&self, bounds: (u128, u128)) -> u32 {
        let first = self.starts.partition_point(|start| *start < bounds.0);
        let same_start = self.blocks.iter().skip(first).position(|block| block.last == !bounds.1).unwrap_or(0);
        self.base + small(first + same_start)
    }

    fn covering(&self, ip: u128, hit: &mut impl FnMut(u32)) {
        let mut next = self.starts.partition_point(|start| *start <= ip).checked_sub(1).map(small);
        while let Some(place) = next {
            let Some(block) = self.blocks.get(at(place)) else { return };
            if block.last >= ip {
                hit(self.base + place);
            }
            next = block.parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net() -> impl Strategy<Value = IpNet> {
        // Few leading bits, so that blocks nest and repeat.
        let v4 = (any::<u8>(), 0_u8..=32).prop_map(|(bits, len)| {
            IpNet::new(IpAddr::V4((u32::from(bits & 0xe7) << 24 | u32::from(bits & 3)).into()), len).unwrap()
        });
        let v6 = (any::<u8>(), 0_u8..=128).prop_map(|(bits, len)| {
            IpNet::new(IpAddr::V6((u128::from(bits & 0xe7) << 120 | u128::from(bits & 3)).into()), len).unwrap()
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn finds_all_covering_networks(nets in proptest::collection::vec(net(), 0..24), asked in net()) {
            let Numbered { networks, numbers } = Networks::number(&nets);
            let mut found = Vec::new();
            networks.covering(asked.addr(), |number| found.push(number));
            for (net, number) in nets.iter().zip(&numbers) {
                prop_assert_eq!(net.contains(&asked.addr()), found.contains(number), "{} in {}", asked.addr(), net);
            }
            prop_assert_eq!(networks.contains(asked.addr()), nets.iter().any(|net| net.contains(&asked.addr())));
        }
    }

    #[test]
    fn a_mapped_network_is_the_ipv4_network() {
        let Numbered { networks, .. } = Networks::number(&["::ffff:10.0.0.0/104".parse().unwrap()]);
        assert!(networks.contains("10.1.2.3".parse().unwrap()));
        assert!(!networks.contains("11.1.2.3".parse().unwrap()));
    }
}
