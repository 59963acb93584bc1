//! Ownership chains: what a module does with objects of its owner is its owner's business, and its caller needs no permission for it.
//!
//! A chain breaks at an object that somebody else owns, and at dynamic SQL, which is nobody's. It says nothing about DDL.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching>,
//! <https://learn.microsoft.com/dotnet/framework/data/adonet/sql/writing-secure-dynamic-sql-in-sql-server>.

use super::catalog::Catalog;
use super::session::SqlSession;

/// An object that a statement reads, and the view whose definition names it in place of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// `object_id`.
    pub object: i32,
    /// `object_id` of the view.
    pub view: Option<i32>,
}

impl Catalog {
    /// Who owns an object: the owner of its schema.
    pub fn owner_of(&self, object: i32) -> Option<i32> {
        let schema = self.object_by_id(object)?.schema_id;
        self.schemas.iter().find(|s| s.schema_id == schema).map(|s| s.owner)
    }
}

impl SqlSession {
    /// Runs what a module does.
    pub(super) fn owned<T>(&mut self, module: i32, run: impl FnOnce(&mut Self) -> T) -> T {
        let owner = self.catalog().owner_of(module);
        self.in_chain(owner, run)
    }

    /// Runs dynamic SQL.
    pub(super) fn unowned<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.in_chain(None, run)
    }

    fn in_chain<T>(&mut self, owner: Option<i32>, run: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.chain_owner, owner);
        let result = run(self);
        self.chain_owner = outer;
        result
    }

    /// Whether the chain that runs reaches to an object: then nothing is checked.
    pub(super) fn is_chained(&self, object: i32) -> bool {
        self.chain_owner.is_some_and(|owner| self.catalog().owner_of(object) == Some(owner))
    }

    /// Whether it reaches to what a statement names, or the view's that names it does.
    pub(super) fn reaches(&self, named: Named) -> bool {
        let Some(view) = named.view else { return self.is_chained(named.object) };
        let catalog = self.catalog();
        catalog.owner_of(view).is_some() && catalog.owner_of(view) == catalog.owner_of(named.object)
    }
}
