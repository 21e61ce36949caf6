//! argon2 (RFC 9106) as the reference implementation writes it:
//! `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`. Without `v`, version 16 is meant, as there.

#[cfg(test)]
mod tests;

use ::argon2::{Algorithm, Block, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::fields::{self, Parameter};
use crate::{Cost, ParseError, Scheme};

/// Of one block of 1 KiB in one pass.
const NANOS_PER_BLOCK: u64 = 1_500;
const MAX_DIGEST_BYTES: usize = 64;

const MEMORY: Parameter = Parameter {
    name: "m",
    least: 8,
    most: 64 * 1024,
};
const PASSES: Parameter = Parameter {
    name: "t",
    least: 1,
    most: 32,
};
const LANES: Parameter = Parameter {
    name: "p",
    least: 1,
    most: 16,
};

#[derive(Clone)]
pub(crate) struct Argon2 {
    scheme: Scheme,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl Argon2 {
    /// Reads what follows `$argon2id$`.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Self, ParseError> {
        let malformed = |problem| scheme.malformed(problem);
        let (version, text) = match text.strip_prefix("v=") {
            None => (Version::V0x10, text),
            Some(text) => match text.split_once('$') {
                Some(("19", text)) => (Version::V0x13, text),
                Some(("16", text)) => (Version::V0x10, text),
                _ => return Err(malformed("the version must be `v=19` or `v=16`")),
            },
        };
        let [params, salt, digest] = fields::split(text, '$')
            .ok_or_else(|| malformed("must end in `$m=…,t=…,p=…$salt$hash`"))?;
        let [memory, passes, lanes] = parameters(params)
            .ok_or_else(|| malformed("the parameters must be `m=…,t=…,p=…`, in this order"))?;
        let memory = MEMORY.read(scheme, memory)?;
        let passes = PASSES.read(scheme, passes)?;
        let lanes = LANES.read(scheme, lanes)?;
        if memory < lanes.saturating_mul(8) {
            return Err(malformed("m must be at least 8 times p"));
        }
        let salt = fields::base64_unpadded(salt)
            .filter(|salt| (8..=64).contains(&salt.len()))
            .ok_or_else(|| malformed("the salt must be 8 to 64 bytes in base64 without padding"))?;
        let digest = fields::base64_unpadded(digest)
            .filter(|digest| (16..=MAX_DIGEST_BYTES).contains(&digest.len()))
            .ok_or_else(|| {
                malformed("the hash must be 16 to 64 bytes in base64 without padding")
            })?;
        let params = Params::new(memory, passes, lanes, Some(digest.len()))
            .map_err(|_| malformed("the parameters do not fit together"))?;
        Ok(Self {
            scheme,
            version,
            params,
            salt,
            digest,
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut digest = Zeroizing::new([0; MAX_DIGEST_BYTES]);
        let Some(digest) = digest.get_mut(..self.digest.len()) else {
            return false;
        };
        self.hash(password, digest).is_some() && digest.ct_eq(&self.digest).into()
    }

    /// `None` if the memory cannot be had. An allocation that fails otherwise aborts the module,
    /// so it is asked for first.
    fn hash(&self, password: &[u8], digest: &mut [u8]) -> Option<()> {
        let count = self.params.block_count();
        let mut blocks: Vec<Block> = Vec::new();
        blocks.try_reserve_exact(count).ok()?;
        blocks.resize(count, Block::new());
        let done = ::argon2::Argon2::new(self.algorithm(), self.version, self.params.clone())
            .hash_password_into_with_memory(password, &self.salt, digest, &mut blocks);
        for block in &mut blocks {
            let words: &mut [u64] = block.as_mut();
            words.zeroize();
        }
        done.ok()
    }

    fn algorithm(&self) -> Algorithm {
        match self.scheme {
            Scheme::Argon2d => Algorithm::Argon2d,
            Scheme::Argon2i => Algorithm::Argon2i,
            _ => Algorithm::Argon2id,
        }
    }

    pub(super) fn cost(&self) -> Cost {
        let blocks = u64::from(self.params.m_cost()).saturating_mul(self.params.t_cost().into());
        Cost::of(blocks, NANOS_PER_BLOCK).with_memory_kib(self.params.m_cost())
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// The values of `m`, `t` and `p`.
fn parameters(text: &str) -> Option<[&str; 3]> {
    let [memory, passes, lanes] = fields::split(text, ',')?;
    Some([
        memory.strip_prefix("m=")?,
        passes.strip_prefix("t=")?,
        lanes.strip_prefix("p=")?,
    ])
}
