//! Faults on request: what each does to the client that it is for, and what is in the database afterwards.
#![allow(clippy::unwrap_used)]

#[path = "../capture/mod.rs"]
mod capture;
#[path = "../server/mod.rs"]
mod server;

mod capture_job;
mod commits;
mod connections;
mod procedures;
mod restore;
mod statements;

use server::{Connection, Server, exec, start, text};

/// A server, somebody who arms faults, and the name of the application that they are for.
struct Setting {
    server: Server,
    admin: Connection,
}

const VICTIM: &str = "victim";

impl Setting {
    /// With a table `t (id, v)` of three rows.
    async fn new() -> Self {
        let server = start().await;
        let mut admin = server.shop().await;
        exec(&mut admin, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NOT NULL)").await;
        exec(&mut admin, "INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)").await;
        Self { server, admin }
    }

    /// A session that faults are for.
    async fn victim(&self) -> Connection {
        self.server.connect_as(("sa", "Pa55 word!"), VICTIM, "shop").await.unwrap()
    }

    /// Arms a fault for the victims; its number.
    async fn arm(&mut self, arguments: &str) -> String {
        self.arm_any(&format!("{arguments}, @application = N'{VICTIM}'")).await
    }

    /// Arms a fault for whom the arguments say.
    async fn arm_any(&mut self, arguments: &str) -> String {
        text(&mut self.admin, &format!("EXEC sys.sp_sandbox_fault {arguments}")).await
    }

    /// Waits until a fault has happened.
    async fn happened(&mut self, fault: &str) {
        exec(&mut self.admin, &format!("EXEC sys.sp_sandbox_wait_for_fault @fault_id = {fault}")).await;
    }

    /// What is in the table.
    async fn rows(&mut self) -> String {
        text(&mut self.admin, "SELECT id, v FROM t ORDER BY id").await
    }
}

const UNCHANGED: &str = "1|10;2|20;3|30";

/// Whether a request ended because the connection did, without any word from the server.
fn is_broken<T>(result: &tiberius::Result<T>) -> bool {
    matches!(result, Err(error) if error.code().is_none())
}
