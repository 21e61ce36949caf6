//! In which order a round measures the variants: another in each round, the same in each run.

/// The numbers below `count` in an order that depends on `round`.
pub(crate) fn shuffled(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    // SplitMix64, seeded with the round.
    let mut state = round as u64;
    for index in (1..count).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        order.swap(index, (mixed % (index as u64 + 1)) as usize);
    }
    order
}
