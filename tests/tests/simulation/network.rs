//! Connections between processes: messages arrive in order or, once a connection is cut, not at all; each side learns of the cut
//! when it has read what had arrived before.

use proto::catalog::{Request, Response};
use proto::message::{ClientMessage, Refusal, ServerMessage};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::VecDeque;

/// A connection's number, never used again.
pub type ConnectionId = usize;

/// What one side reads.
#[derive(Debug)]
pub enum Read<M> {
    Message(M),
    /// Nothing yet.
    Nothing,
    /// The connection is gone.
    Gone,
}

#[derive(Debug, Default)]
struct Connection {
    to_distributor: VecDeque<ClientMessage>,
    to_client: VecDeque<ServerMessage>,
    cut: bool,
    /// The distributor has a process at its end that knows of it.
    accepted: bool,
}

#[derive(Debug, Default)]
pub struct Network {
    connections: Vec<Connection>,
}

impl Network {
    /// Connects a client.
    pub fn connect(&mut self) -> ConnectionId {
        self.connections.push(Connection { accepted: true, ..Connection::default() });
        self.connections.len() - 1
    }

    pub fn client_sends(&mut self, id: ConnectionId, message: ClientMessage) {
        let connection = &mut self.connections[id];
        if !connection.cut {
            connection.to_distributor.push_back(message);
        }
    }

    /// Whether anybody is still told what is sent.
    pub fn is_open(&self, id: ConnectionId) -> bool {
        !self.connections[id].cut
    }

    pub fn distributor_sends(&mut self, id: ConnectionId, message: ServerMessage) {
        let connection = &mut self.connections[id];
        if !connection.cut {
            connection.to_client.push_back(message);
        }
    }

    pub fn client_reads(&mut self, id: ConnectionId) -> Read<ServerMessage> {
        let connection = &mut self.connections[id];
        match connection.to_client.pop_front() {
            Some(message) => Read::Message(message),
            None if connection.cut => Read::Gone,
            None => Read::Nothing,
        }
    }

    pub fn distributor_reads(&mut self, id: ConnectionId) -> Read<ClientMessage> {
        let connection = &mut self.connections[id];
        match connection.to_distributor.pop_front() {
            Some(message) => Read::Message(message),
            None if connection.cut => Read::Gone,
            None => Read::Nothing,
        }
    }

    /// Ends a connection; of what is under way in each direction, some arrives.
    pub fn cut(&mut self, id: ConnectionId, rng: &mut StdRng) {
        let connection = &mut self.connections[id];
        if !connection.cut {
            connection.cut = true;
            let arrives = rng.random_range(0..=connection.to_distributor.len());
            connection.to_distributor.truncate(arrives);
            let arrives = rng.random_range(0..=connection.to_client.len());
            connection.to_client.truncate(arrives);
        }
    }

    /// Ends a connection in order: what is under way to the distributor arrives.
    pub fn close(&mut self, id: ConnectionId) {
        self.connections[id].cut = true;
    }

    /// The distributor's process is gone: nothing more arrives there.
    pub fn distributor_died(&mut self, rng: &mut StdRng) {
        for id in 0..self.connections.len() {
            self.cut(id, rng);
            self.connections[id].to_distributor.clear();
            self.connections[id].accepted = false;
        }
    }

    /// Connections that the distributor's process knows of, and where it has something to read.
    pub fn readable(&self) -> Vec<ConnectionId> {
        let readable = |c: &Connection| c.accepted && (c.cut || !c.to_distributor.is_empty());
        (0..self.connections.len()).filter(|id| readable(&self.connections[*id])).collect()
    }

    /// The distributor has done with a connection.
    pub fn forget(&mut self, id: ConnectionId, rng: &mut StdRng) {
        self.cut(id, rng);
        self.connections[id].accepted = false;
        self.connections[id].to_distributor.clear();
    }

    /// A connection that is in use, by chance.
    pub fn any_open(&self, rng: &mut StdRng) -> Option<ConnectionId> {
        let open: Vec<ConnectionId> = (0..self.connections.len()).filter(|id| !self.connections[*id].cut).collect();
        if open.is_empty() { None } else { Some(open[rng.random_range(0..open.len())]) }
    }
}

/// A request over a connection of its own.
#[derive(Debug)]
pub struct Call {
    connection: ConnectionId,
}

impl Call {
    pub fn new(network: &mut Network, request: Request) -> Self {
        let connection = network.connect();
        network.client_sends(connection, ClientMessage::Request(Box::new(request)));
        Self { connection }
    }

    /// The answer once it is there, or that the connection is gone.
    pub fn answer(&self, network: &mut Network) -> Option<Result<Result<Response, Refusal>, ()>> {
        match network.client_reads(self.connection) {
            Read::Nothing => None,
            Read::Gone => Some(Err(())),
            Read::Message(ServerMessage::Response(response)) => {
                network.close(self.connection);
                Some(Ok(response))
            }
            Read::Message(unexpected) => panic!("{unexpected:?} is no answer"),
        }
    }

    /// Ends it in order: the request arrives.
    pub fn close(self, network: &mut Network) {
        network.close(self.connection);
    }

    pub fn end(self, network: &mut Network, rng: &mut StdRng) {
        network.cut(self.connection, rng);
    }
}
