//! Costs other than 1, known before and after.

use super::*;
use crate::store::{Table, write_part};
use gatehouse_limit_table::{Decision, Retry};
use std::time::Duration;

/// One a second, ten at once.
fn ten() -> Allowance {
    allowance(json!({"rate": "1/1s", "burst": 10}))
}

fn bucket(host: &FakeHost) -> Bucket {
    let table = Table::open(8, host).unwrap();
    let mut hasher = table.hasher();
    write_part(&mut hasher, b"key");
    let now = gatehouse_host::Clock::now(host).unwrap().as_nanos();
    Bucket::read(table.address(&hasher), now, host).unwrap()
}

fn remaining(decision: &Decision) -> std::result::Result<u64, Option<u64>> {
    match decision.refused {
        None => Ok(decision.standing.remaining),
        Some(Retry::After(nanos)) => Err(Some(nanos / 1_000_000_000)),
        Some(_) => Err(None),
    }
}

#[test]
fn charges_and_debts() {
    let host = FakeHost::default();
    let allowance = ten().with_debt();
    enum Do {
        Charge(u64),
        Owe(u64),
        Wait(u64),
    }
    use Do::{Charge, Owe, Wait};
    let steps = [
        (Charge(4), Ok(6)),
        (Charge(7), Err(Some(1))),
        (Charge(6), Ok(0)),
        (Owe(20), Ok(0)),
        // Twenty to pay off, and one to save.
        (Charge(1), Err(Some(21))),
        (Charge(10), Err(Some(30))),
        (Charge(11), Err(None)),
        (Wait(20), Err(Some(1))),
        (Wait(1), Ok(0)),
        (Owe(0), Ok(0)),
        (Owe(u64::MAX), Ok(0)),
        // An hour's worth.
        (Charge(1), Err(Some(3_601))),
    ];
    for (index, (step, expected)) in steps.into_iter().enumerate() {
        let decision = match step {
            Charge(cost) => charge(&mut bucket(&host), &allowance, cost, &host),
            Owe(cost) => bucket(&host)
                .owe(&allowance, cost, &host)
                .map_err(Into::into),
            Wait(seconds) => {
                host.advance(Duration::from_secs(seconds));
                charge(&mut bucket(&host), &allowance, 1, &host)
            }
        };
        assert_eq!(
            remaining(&decision.unwrap().found.decision),
            expected,
            "step {index}"
        );
    }
}

/// What costs nothing is not written.
#[test]
fn nothing_is_charged_for_nothing() {
    let host = FakeHost::default();
    let allowance = ten();
    charge(&mut bucket(&host), &allowance, 1, &host).unwrap();
    let mut bucket = bucket(&host);
    host.begin([]);
    assert_eq!(
        remaining(
            &charge(&mut bucket, &allowance, 0, &host)
                .unwrap()
                .found
                .decision
        ),
        Ok(9)
    );
    assert_eq!(
        remaining(&bucket.owe(&allowance, 0, &host).unwrap().found.decision),
        Ok(9)
    );
    assert_eq!(host.call_count(), 0);
}

/// Other workers come between: what is owed is added to what they charged.
#[test]
fn a_debt_meets_other_workers() {
    let shared = Shared::default();
    let (here, there) = (FakeHost::new(shared.clone()), FakeHost::new(shared));
    let allowance = ten();
    let mut debtor = bucket(&here);
    charge(&mut bucket(&there), &allowance, 3, &there).unwrap();
    let charged = debtor.owe(&allowance, 4, &here).unwrap();
    assert_eq!(remaining(&charged.found.decision), Ok(3));
}
