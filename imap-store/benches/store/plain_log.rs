//! The plainest log that keeps its word, as a measure for ours: records are appended to a file that grows, and one sync
//! answers all who wait. No addresses, checksums, recovery, or files made ahead.

use std::fs::File;
use std::io::{IoSlice, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// A record, and who waits for it.
type Queued = (Vec<u8>, SyncSender<()>);

/// The log; its file is closed when it is dropped.
pub(crate) struct PlainLog {
    queue: Option<Sender<Queued>>,
    writer: Option<JoinHandle<()>>,
}

impl PlainLog {
    /// Makes the file.
    pub(crate) fn create(path: &Path) -> Self {
        let file = File::create_new(path).expect("made");
        let (queue, queued) = channel();
        Self { queue: Some(queue), writer: Some(std::thread::spawn(move || write_groups(file, &queued))) }
    }

    /// Appends a record and waits until it is on the disk.
    pub(crate) fn append(&self, record: Vec<u8>) {
        let (written, answer) = sync_channel(1);
        let queue = self.queue.as_ref().expect("it is open");
        queue.send((record, written)).expect("the writer runs");
        answer.recv().expect("written");
    }
}

impl Drop for PlainLog {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(writer) = self.writer.take() {
            writer.join().expect("the writer ended well");
        }
    }
}

/// All that is queued is one write and one sync.
fn write_groups(mut file: File, queued: &Receiver<Queued>) {
    while let Ok(first) = queued.recv() {
        let group: Vec<Queued> = std::iter::once(first).chain(queued.try_iter()).collect();
        let mut slices: Vec<IoSlice<'_>> = group.iter().map(|(record, _)| IoSlice::new(record)).collect();
        let mut slices = &mut slices[..];
        while !slices.is_empty() {
            let count = file.write_vectored(slices).expect("written");
            IoSlice::advance_slices(&mut slices, count);
        }
        file.sync_data().expect("synced");
        group.into_iter().for_each(|(_, written)| written.send(()).expect("somebody waits"));
    }
}
