//! The connections that read a slice: made when needed, kept for the next one.

use crate::error::{Error, ErrorKind};
use sqlserver::{Client, ServerOptions};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limited number of connections.
#[derive(Debug)]
pub(super) struct Pool {
    options: ServerOptions,
    idle: Arc<Mutex<Vec<Client>>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub fn new(options: ServerOptions, connections: usize) -> Self {
        Self { options, idle: Arc::default(), permits: Arc::new(Semaphore::new(connections)) }
    }

    /// A connection, when one is free.
    pub async fn take(&self) -> Result<Pooled, Error> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Error::new(ErrorKind::Transient, "the connections are being closed"))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let client = match idle {
            Some(client) => client,
            None => Client::connect(&self.options).await?,
        };
        Ok(Pooled { client, idle: self.idle.clone(), _permit: permit })
    }
}

/// A connection of the pool. Dropped without [`Pooled::give_back`], it is closed.
#[derive(Debug)]
pub(super) struct Pooled {
    client: Client,
    idle: Arc<Mutex<Vec<Client>>>,
    _permit: OwnedSemaphorePermit,
}

impl Pooled {
    /// Keeps the connection for others, if it can still be used.
    pub fn give_back(self) {
        let Self { client, idle, _permit } = self;
        if client.is_usable() {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        }
    }
}

impl Deref for Pooled {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}
