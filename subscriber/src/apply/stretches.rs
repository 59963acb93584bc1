//! Stretches of changes that are applied in one way: by sets, or one by one.

use super::{Applier, calls};
use proto::{Article, Chunk, Segment};

/// Changes that follow each other.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Each change by itself.
    pub single: bool,
    /// Pieces of the chunks, in order.
    pub chunks: Vec<Chunk>,
}

impl Applier {
    /// Whether each change of an article is to be applied by itself.
    fn is_single(&self, article: &Article) -> bool {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let to = &article.destination;
        calls::calls(article) || self.watched.iter().any(|t| same(&t.schema, &to.schema) && same(&t.table, &to.table))
    }

    fn is_single_segment(&self, segment: &Segment) -> bool {
        // An article that is not known is an error of its own later.
        self.articles.get(segment.article).is_some_and(|article| self.is_single(article))
    }

    /// Whether chunks hold changes that are to be applied one by one.
    pub(super) fn has_singles(&self, chunks: &[Chunk]) -> bool {
        chunks.iter().flat_map(|chunk| &chunk.segments).any(|segment| self.is_single_segment(segment))
    }

    /// Cuts chunks where the way of applying changes.
    pub(super) fn stretches(&self, chunks: &[Chunk]) -> Vec<Stretch> {
        stretches(chunks, |segment| self.is_single_segment(segment))
    }
}

fn stretches(chunks: &[Chunk], single: impl Fn(&Segment) -> bool) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for chunk in chunks {
        for run in chunk.segments.chunk_by(|a, b| single(a) == single(b)) {
            let Chunk { lsn, part, last, committed_at, read_at, .. } = *chunk;
            let (schema, segments) = (Vec::new(), run.to_vec());
            let piece = Chunk { lsn, part, last, committed_at, read_at, marker: None, schema, segments };
            match stretches.last_mut() {
                Some(last) if last.single == single(&run[0]) => last.chunks.push(piece),
                _ => stretches.push(Stretch { single: single(&run[0]), chunks: vec![piece] }),
            }
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::stretches;
    use proto::{ArticleId, Chunk, Lsn, Segment};

    fn chunk(n: u32, articles: &[u32]) -> Chunk {
        let segment = |article: &u32| Segment { article: ArticleId(*article), changes: 0, payload: Vec::new() };
        Chunk {
            lsn: Lsn::new(1, n, 1),
            part: 0,
            last: true,
            committed_at: 0,
            read_at: 0,
            marker: None,
            schema: Vec::new(),
            segments: articles.iter().map(segment).collect(),
        }
    }

    #[test]
    fn chunks_are_cut_where_the_way_changes_and_nowhere_else() {
        let chunks = [chunk(1, &[1, 2]), chunk(2, &[2, 7, 8, 1]), chunk(3, &[1]), chunk(4, &[7])];
        type Cut = (bool, Vec<(Lsn, Vec<u32>)>);
        let cut: Vec<Cut> = stretches(&chunks, |segment| segment.article.0 >= 7)
            .into_iter()
            .map(|s| {
                let pieces = s.chunks.iter().map(|c| (c.lsn, c.segments.iter().map(|s| s.article.0).collect()));
                (s.single, pieces.collect())
            })
            .collect();
        let at = |n| Lsn::new(1, n, 1);
        assert_eq!(
            cut,
            [
                (false, vec![(at(1), vec![1, 2]), (at(2), vec![2])]),
                (true, vec![(at(2), vec![7, 8])]),
                (false, vec![(at(2), vec![1]), (at(3), vec![1])]),
                (true, vec![(at(4), vec![7])]),
            ]
        );
        assert_eq!(stretches(&chunks[..1], |_| false).len(), 1);
    }
}
