//! Limitador's counters in Redis: fixed windows that begin with their first hit, as its own storage has them.
//!
//! Why this is not Limitador's own storage in Redis (its feature `redis_storage`):
//!
//! 1. Of limitador 0.14 that feature does not compile without `disk_storage`: `storage/keys.rs` calls its module `bin`,
//!    which only exists with that one. And `disk_storage` is RocksDB: libclang, and a C++ database to be compiled for a test that
//!    does not use it.
//! 2. It checks and counts in two steps (`storage/redis/redis_sync.rs`, `check_and_update`), between which another server, or
//!    another thread, may come: then somewhat more is admitted than the limit, and `exactly_as_many_as_the_limit_on_two_envoys_together`
//!    would show Limitador's error and not ours. Here both are one script, and a limit is exact.
//!
//! What is Limitador's in these tests: its limits, conditions and variables, which limits a question is about, and what
//! becomes of a question about several of them (`RateLimiter::check_rate_limited_and_update`).

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use limitador::counter::Counter;
use limitador::limit::Limit;
use limitador::storage::{Authorization, CounterStorage, StorageErr};
use redis::{Client, Connection, RedisError, Script};

/// Keys are counters; arguments what to add, then of each counter its most and its window in milliseconds. Answers which
/// counter is over (0: none), then of each what it was and how long it lasts.
const CHECK_AND_ADD: &str = r"
local add, over, seen = tonumber(ARGV[1]), 0, {}
for i, key in ipairs(KEYS) do
  local value = tonumber(redis.call('GET', key) or '0')
  local left = redis.call('PTTL', key)
  if over == 0 and value + add > tonumber(ARGV[2 * i]) then over = i end
  if left < 0 then left = tonumber(ARGV[2 * i + 1]) end
  table.insert(seen, value)
  table.insert(seen, left)
end
if over == 0 then
  for i, key in ipairs(KEYS) do
    redis.call('INCRBY', key, add)
    if redis.call('PTTL', key) == -1 then redis.call('PEXPIRE', key, seen[2 * i]) end
  end
end
table.insert(seen, 1, over)
return seen
";

pub(crate) struct RedisCounters {
    client: Client,
    script: Script,
    /// Made anew after it broke.
    connection: Mutex<Option<Connection>>,
}

impl RedisCounters {
    pub(crate) fn open(url: &str) -> Self {
        Self {
            client: Client::open(url).expect("the URL of a Redis"),
            script: Script::new(CHECK_AND_ADD),
            connection: Mutex::new(None),
        }
    }

    /// The engine's error cannot be made outside of it: a panic is what the server makes UNAVAILABLE of.
    fn run(&self, counters: &mut [Counter], add: u64) -> Authorization {
        let seen = self.try_run(counters, add).expect("Redis answers");
        let (over, seen) = seen.split_first().expect("the script answers");
        for (counter, seen) in counters.iter_mut().zip(seen.chunks(2)) {
            counter.set_remaining(counter.max_value().saturating_sub(seen[0]));
            counter.set_expires_in(Duration::from_millis(seen[1]));
        }
        match usize::try_from(*over)
            .ok()
            .and_then(|over| over.checked_sub(1))
        {
            None => Authorization::Ok,
            Some(over) => Authorization::Limited(counters[over].limit().name().map(str::to_owned)),
        }
    }

    fn try_run(&self, counters: &[Counter], add: u64) -> Result<Vec<u64>, RedisError> {
        // A panic of another thread left nothing half done.
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        let mut invocation = self.script.prepare_invoke();
        invocation.arg(add);
        for counter in counters {
            invocation
                .key(name(counter))
                .arg(counter.max_value())
                .arg(counter.window().as_millis().to_string());
        }
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.client.get_connection()?,
        };
        let answer = invocation.invoke(&mut open)?;
        *connection = Some(open);
        Ok(answer)
    }
}

/// What tells a counter from all others.
fn name(counter: &Counter) -> String {
    let limit = counter.limit();
    let mut conditions: Vec<_> = limit.conditions().into_iter().collect();
    conditions.sort();
    format!(
        "{:?} {} {conditions:?} {:?}",
        counter.namespace().as_ref(),
        limit.seconds(),
        counter.set_variables()
    )
}

/// What the server never asks of a storage.
const NOT_ASKED: &str = "the server only checks and counts";

impl CounterStorage for RedisCounters {
    fn add_counter(&self, _: &Limit) -> Result<(), StorageErr> {
        Ok(())
    }

    fn check_and_update(
        &self,
        counters: &mut Vec<Counter>,
        delta: u64,
    ) -> Result<Authorization, StorageErr> {
        Ok(self.run(counters, delta))
    }

    fn is_within_limits(&self, _: &Counter, _: u64) -> Result<bool, StorageErr> {
        unimplemented!("{NOT_ASKED}")
    }

    fn update_counter(&self, _: &Counter, _: u64) -> Result<(), StorageErr> {
        unimplemented!("{NOT_ASKED}")
    }

    fn check(&self, _: &mut Vec<Counter>, _: u64) -> Result<Authorization, StorageErr> {
        unimplemented!("{NOT_ASKED}")
    }

    fn get_counters(&self, _: &HashSet<Arc<Limit>>) -> Result<HashSet<Counter>, StorageErr> {
        unimplemented!("{NOT_ASKED}")
    }

    fn delete_counters(&self, _: &HashSet<Arc<Limit>>) -> Result<(), StorageErr> {
        unimplemented!("{NOT_ASKED}")
    }

    fn clear(&self) -> Result<(), StorageErr> {
        unimplemented!("{NOT_ASKED}")
    }
}
