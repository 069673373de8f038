//! Resolvers with concrete caches: a copy is fetched from one server at one instant, and lives as long as it was told.

use crate::rng::Rng;
use crate::scenario::{HOUR, Ms, SECOND};
use crate::truth::{SetId, Truth};

/// A copy and when it ends.
#[derive(Clone, Copy, Debug)]
pub struct Copy<T> {
    /// The value.
    pub value: T,
    /// Held until then.
    pub until: Ms,
}

/// What one cache holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cache {
    /// MX set, and the key that signed it (0 for none).
    pub mx: Option<Copy<(SetId, u8)>>,
    /// DNSKEY; 0 is a proof that there is none.
    pub keys: Option<Copy<u8>>,
    /// DS; 0 is a proof that there is none.
    pub ds: Option<Copy<u8>>,
    /// Whether the new host has TLSA records.
    pub tlsa: Option<Copy<bool>>,
    /// The id that the `_mta-sts` record announces.
    pub record: Option<Copy<u32>>,
}

/// What a question comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The MX set, and whether it was validated as secure.
    Set(SetId, bool),
    /// Signatures and DS do not fit: the answer is SERVFAIL.
    Bogus,
    /// No server answers.
    Unreachable,
}

/// A resolver.
#[derive(Clone, Copy, Debug)]
pub struct Resolver {
    /// Whether it validates.
    pub validates: bool,
    /// Keeps what it is told at least this many seconds.
    pub floor: u32,
    /// How much too slow its clock is, in parts of a million.
    pub slow: i64,
    /// Whether it serves stale answers when it reaches no server.
    pub stale: bool,
    /// Its own cache.
    pub cache: Cache,
    /// The cache of the plain forwarder that it asks, if it asks one.
    pub forwarder: Option<Cache>,
}

/// A kind of record, for [`Resolver::fetch`].
trait Kind {
    type Value: std::marker::Copy;
    fn slot(cache: &mut Cache) -> &mut Option<Copy<Self::Value>>;
    /// What a server says now: value and TTL in seconds.
    fn ask(truth: &Truth, server: usize) -> Option<(Self::Value, u32)>;
    /// How many servers there are to ask.
    fn servers(truth: &Truth) -> usize;
}

macro_rules! kind {
    ($name:ident, $value:ty, $slot:ident, $servers:expr, $ask:expr) => {
        struct $name;
        impl Kind for $name {
            type Value = $value;
            fn slot(cache: &mut Cache) -> &mut Option<Copy<$value>> {
                &mut cache.$slot
            }
            fn servers(truth: &Truth) -> usize {
                let count: fn(&Truth) -> usize = $servers;
                count(truth)
            }
            fn ask(truth: &Truth, server: usize) -> Option<($value, u32)> {
                let ask: fn(&Truth, usize) -> Option<($value, u32)> = $ask;
                ask(truth, server)
            }
        }
    };
}

kind!(MxKind, (SetId, u8), mx, |t| t.servers.len(), |t, s| {
    let served = t.servers[s];
    t.answers(s)
        .then_some(((served.set, served.key), served.ttl))
});
kind!(KeysKind, u8, keys, |t| t.servers.len(), |t, s| {
    let key = t.servers[s].key;
    let ttl = if key == 0 { t.scenario.negative } else { 3600 };
    t.answers(s).then_some((key, ttl))
});
kind!(DsKind, u8, ds, |t| t.parent.len(), |t, s| {
    let ds = t.parent[s];
    let ttl = if ds == 0 {
        t.scenario.parent_negative
    } else {
        t.scenario.ds_ttl
    };
    Some((ds, ttl))
});
kind!(TlsaKind, bool, tlsa, |_| 1, |t, _| {
    Some((
        t.tlsa,
        if t.tlsa {
            900
        } else {
            t.scenario.tlsa_negative
        },
    ))
});
kind!(RecordKind, u32, record, |t| t.servers.len(), |t, s| {
    t.answers(s)
        .then_some((t.records[s], t.scenario.record_ttl))
});

/// How long a stale answer may be served (RFC 8767 suggests one to three days).
const STALE: Ms = 72 * HOUR;

impl Resolver {
    /// A resolver as there are some.
    pub fn new(rng: &mut Rng, stale: bool) -> Self {
        let forwards = rng.chance(25);
        Self {
            validates: rng.chance(65),
            // Two caches in a row that both raise small TTLs, or one behind another, are outside the model.
            floor: if forwards {
                0
            } else {
                rng.pick(&[0, 0, 0, 60, 300])
            },
            slow: rng.range(0, 20),
            stale: stale && rng.chance(50),
            cache: Cache::default(),
            forwarder: forwards.then(Cache::default),
        }
    }

    fn life(&self, ttl: u32) -> Ms {
        let seconds = Ms::from(ttl.max(self.floor));
        seconds * SECOND + seconds * SECOND * self.slow / 1_000_000
    }

    /// A value, from the cache if it is there. From which server else, chance decides.
    fn fetch<K: Kind>(&mut self, truth: &Truth, rng: &mut Rng) -> Option<K::Value> {
        let now = truth.now;
        if let Some(copy) = K::slot(&mut self.cache)
            && now < copy.until
        {
            return Some(copy.value);
        }
        let servers = K::servers(truth);
        let first = rng.below(servers);
        let ask =
            |truth: &Truth| (0..servers).find_map(|turn| K::ask(truth, (first + turn) % servers));
        let got = match &mut self.forwarder {
            Some(forwarder) => match K::slot(forwarder) {
                // What is left, rounded up to a whole second.
                Some(copy) if now < copy.until => {
                    let left = (copy.until - now + SECOND - 1) / SECOND;
                    Some((copy.value, u32::try_from(left).unwrap_or(u32::MAX)))
                }
                slot => {
                    let got = ask(truth);
                    if let Some((value, ttl)) = got {
                        let until = now + Ms::from(ttl) * SECOND;
                        *slot = Some(Copy { value, until });
                    }
                    got
                }
            },
            None => ask(truth),
        };
        let Some((value, ttl)) = got else {
            let kept = K::slot(&mut self.cache).filter(|copy| now < copy.until + STALE);
            return kept.filter(|_| self.stale).map(|copy| copy.value);
        };
        let until = now + self.life(ttl);
        *K::slot(&mut self.cache) = Some(Copy { value, until });
        Some(value)
    }

    /// Asks one server of the zone now, whatever is cached.
    pub fn prime_zone(&mut self, truth: &Truth, server: usize, mx: bool, keys: bool) -> Ms {
        let mut longest = 0;
        if mx && let Some((value, ttl)) = MxKind::ask(truth, server) {
            let until = self.prime(truth.now, ttl);
            self.cache.mx = Some(Copy { value, until });
            longest = longest.max(until);
        }
        if keys && let Some((value, ttl)) = KeysKind::ask(truth, server) {
            let until = self.prime(truth.now, ttl);
            self.cache.keys = Some(Copy { value, until });
            longest = longest.max(until);
        }
        longest
    }

    /// Asks one server of the parent now.
    pub fn prime_parent(&mut self, truth: &Truth, server: usize) -> Ms {
        let Some((value, ttl)) = DsKind::ask(truth, server) else {
            return 0;
        };
        let until = self.prime(truth.now, ttl);
        self.cache.ds = Some(Copy { value, until });
        until
    }

    /// Asks for TLSA now.
    pub fn prime_tlsa(&mut self, truth: &Truth) -> Ms {
        let Some((value, ttl)) = TlsaKind::ask(truth, 0) else {
            return 0;
        };
        let until = self.prime(truth.now, ttl);
        self.cache.tlsa = Some(Copy { value, until });
        until
    }

    /// Asks one server for the policy's record now.
    pub fn prime_record(&mut self, truth: &Truth, server: usize) -> Ms {
        let Some((value, ttl)) = RecordKind::ask(truth, server) else {
            return 0;
        };
        let until = self.prime(truth.now, ttl);
        self.cache.record = Some(Copy { value, until });
        until
    }

    /// When a copy that came just now ends: one that came through a forwarder may be a second older than it says.
    fn prime(&self, now: Ms, ttl: u32) -> Ms {
        let hop = if self.forwarder.is_some() {
            SECOND - 1
        } else {
            0
        };
        now + self.life(ttl) + hop
    }

    /// The domain's MX set.
    pub fn mx(&mut self, truth: &Truth, rng: &mut Rng) -> Looked {
        let Some((set, key)) = self.fetch::<MxKind>(truth, rng) else {
            return Looked::Unreachable;
        };
        if !self.validates {
            return Looked::Set(set, false);
        }
        let Some(ds) = self.fetch::<DsKind>(truth, rng) else {
            return Looked::Unreachable;
        };
        if ds == 0 {
            return Looked::Set(set, false);
        }
        match self.fetch::<KeysKind>(truth, rng) {
            None => Looked::Unreachable,
            Some(keys) if keys == ds && key == ds => Looked::Set(set, true),
            Some(_) => Looked::Bogus,
        }
    }

    /// Whether it holds TLSA records of the new host, itself or its forwarder.
    #[must_use]
    pub fn holds_tlsa(&self, now: Ms) -> bool {
        let holds = |cache: &Cache| {
            cache
                .tlsa
                .is_some_and(|copy| copy.value && now < copy.until)
        };
        holds(&self.cache) || self.forwarder.as_ref().is_some_and(holds)
    }

    /// Whether the new host has TLSA records.
    pub fn tlsa(&mut self, truth: &Truth, rng: &mut Rng) -> bool {
        self.fetch::<TlsaKind>(truth, rng).unwrap_or(false)
    }

    /// The id that is announced; 0 is none.
    pub fn record(&mut self, truth: &Truth, rng: &mut Rng) -> Option<u32> {
        self.fetch::<RecordKind>(truth, rng)
    }
}
