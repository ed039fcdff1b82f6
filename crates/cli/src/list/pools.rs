//! Opens the pools that `list` and `get` show, and collects what was asked for.

use super::collect::{Collector, Failures, Row, Scope};
use crate::args::{ChoiceArgs, PoolArgs};
use crate::exit::{CommandResult, Failure, warn, warn_of};
use crate::text::count;
use zsend_pool::Pool;
use zsend_pool::discover::{Discovery, FoundPool, discover};
use zsend_pool::dsl::name::Name;
use zsend_pool::{CancelToken, ErrorClass, Listed};

/// Pools that were found, of which those that are named are opened.
pub(crate) struct Pools {
    opened: Vec<Pool>,
    targets: Vec<Name>,
    failures: Failures,
}

impl Pools {
    /// Finds and opens the pools of the targets, or all. One that cannot be read hides no other.
    ///
    /// # Errors
    /// A malformed name, devices that cannot be looked at, and no pool that was named. Of several, one that
    /// is not there is a failure, and hides no other.
    pub(crate) fn open(args: &PoolArgs, targets: &[String]) -> Result<Self, Failure> {
        let targets: Vec<Name> =
            targets.iter().map(|t| Name::parse(t)).collect::<Result<_, _>>()?;
        let cancel = CancelToken::default();
        let discovery = discover(&args.devices, &cancel)?;
        discovery.refused().iter().for_each(warn);
        let is_called = |found: &FoundPool, target: &Name| {
            let config = &found.config;
            target.pool() == config.name || target.pool() == config.pool_guid.to_string()
        };
        let (targets, missing): (Vec<Name>, Vec<Name>) = targets
            .into_iter()
            .partition(|t| discovery.pools.iter().any(|found| is_called(found, t)));
        let mut failures = Failures::default();
        for target in missing {
            let failure = not_found(&format!("no pool '{}'", target.pool()), &discovery);
            if targets.is_empty() {
                return Err(failure);
            }
            failures.note(failure);
        }
        if discovery.pools.is_empty() {
            return Err(not_found("no pool", &discovery));
        }
        let options = args.options(&cancel);
        let mut pools = Self { opened: Vec::new(), targets, failures };
        for found in discovery.pools {
            let named = &pools.targets;
            if !named.is_empty() && !named.iter().any(|target| is_called(&found, target)) {
                continue;
            }
            match Pool::open_found(&found, &options) {
                Ok(pool) => {
                    warn_of(&pool);
                    pools.opened.push(pool);
                }
                Err(e) => {
                    let (name, guid) = (&found.config.name, found.config.pool_guid);
                    pools.failures.add(format!("cannot open pool '{name}' ({guid})"), e);
                }
            }
        }
        Ok(pools)
    }

    /// Gives the pools, what was named, and what failed so far.
    pub(crate) fn into_parts(self) -> (Vec<Pool>, Vec<Name>, Failures) {
        (self.opened, self.targets, self.failures)
    }

    /// Gives what was asked for, in the order of `zfs list`, to `show`, and then the failures.
    pub(crate) fn show(
        self,
        choice: &ChoiceArgs,
        scope: Scope,
        show: impl FnOnce(Vec<Row<'_>>, &mut Failures) -> CommandResult,
    ) -> CommandResult {
        let Self { opened, targets, mut failures } = self;
        let mut rows = Vec::new();
        for pool in &opened {
            let mut collector = Collector::new(pool, choice, scope, &mut failures);
            if targets.is_empty() {
                collector.all();
            }
            for target in &targets {
                let named = Name::parse(&pool.full_name(&target.to_string()))?;
                if named.pool() == pool.name() {
                    collector.named(&named);
                }
            }
            let mut of_pool = collector.rows();
            of_pool.sort_by(Row::order);
            of_pool.dedup_by(|a, b| a.name == b.name && a.item.is_some() && b.item.is_some());
            // What two pools of one name hold is told apart by their guids, which `send` takes too.
            if opened.iter().filter(|other| other.name() == pool.name()).count() > 1 {
                let guid = pool.label().pool_guid.to_string();
                for row in &mut of_pool {
                    row.name.replace_range(..pool.name().len(), &guid);
                }
            }
            rows.extend(of_pool);
        }
        rows.sort_by(Row::order);
        // No header stands over nothing but an error.
        if !rows.is_empty() || failures.is_empty() {
            show(rows, &mut failures)?;
        }
        failures.end()
    }
}

fn not_found(what: &str, discovery: &Discovery) -> Failure {
    let others = match discovery.pools.len() {
        0 => String::new(),
        others => {
            let found: Vec<_> = discovery.pools.iter().map(|p| p.config.id().to_string()).collect();
            format!(", which hold {}: {}", count(others as u64, "other pool"), found.join(", "))
        }
    };
    let looked_at = Listed(discovery.passed_over.all());
    let why = format!("{what} was found on the given devices{others}{looked_at}");
    Failure::new(ErrorClass::Damaged, why)
}
