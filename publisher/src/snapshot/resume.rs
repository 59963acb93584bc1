//! What of an unfinished snapshot a new attempt goes on with.
//!
//! A part that was read completely in one view stays what it is: all rows of its keys as of its boundary. It is of use as long as the
//! queue has everything after that boundary and the article is still defined as it was. The rest is read in a new view, with a boundary
//! of its own. Two kinds of articles are kept or read anew as a whole, so that all their parts have one boundary: those that are cut by key
//! columns which the server alone can order, since nobody else can tell which part a change belongs to; and those with large columns, which
//! the log leaves out of updates that do not touch them, so that a row which moves from one part to another could not be made whole.

use cli::progress::Amount;
use proto::{Article, KeyRange, Lsn};
use std::collections::BTreeSet;
use uuid::Uuid;
use workdir::{ArticleFiles, FinishedPart, Plan, Remains};

/// What is kept of an article.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    /// Its files, with the ranges of its parts.
    pub files: ArticleFiles,
    /// Its parts, each with its boundary; those that are `None` are to be read.
    pub parts: Vec<Option<(FinishedPart, Lsn)>>,
}

/// What is kept of each of the articles that a snapshot is now to be of; `None` for nothing. `kept_after` is where the queue begins.
pub(super) fn kept(plan: &Plan, remains: &Remains, articles: &[Article], kept_after: Option<Lsn>) -> Vec<Option<Kept>> {
    articles.iter().map(|article| of_article(plan, remains, article, kept_after)).collect()
}

fn of_article(plan: &Plan, remains: &Remains, article: &Article, kept_after: Option<Lsn>) -> Option<Kept> {
    let place = plan.articles.iter().position(|files| files.article == *article)?;
    let files = plan.articles[place].clone();
    let of_part = |index: usize| {
        let part = remains.parts.get(&(place, index))?;
        let boundary = *remains.views.get(&part.view)?;
        (Some(boundary) >= kept_after).then(|| (part.clone(), boundary))
    };
    let parts: Vec<_> = (0..files.parts.len()).map(of_part).collect();
    let boundaries: BTreeSet<Option<Lsn>> = parts.iter().map(|part| part.as_ref().map(|(_, lsn)| *lsn)).collect();
    let one_boundary = boundaries.len() == 1;
    let any = parts.iter().any(Option::is_some);
    (any && (one_boundary || is_divisible(article, &files.parts))).then_some(Kept { files, parts })
}

/// Whether parts of an article, of these ranges, may have different boundaries.
fn is_divisible(article: &Article, ranges: &[KeyRange]) -> bool {
    let ordered = ranges.iter().all(|range| range.is_known_of(article));
    ordered && !article.columns.iter().any(|column| column.column_type.is_max())
}

/// Views that finished parts were read in and whose boundary is not known yet.
pub(super) fn unknown_views(remains: &Remains) -> BTreeSet<Uuid> {
    remains.parts.values().map(|part| part.view).filter(|view| !remains.views.contains_key(view)).collect()
}

/// Rows and bytes of what is kept.
pub(super) fn amount(parts: &[Option<(FinishedPart, Lsn)>]) -> Amount {
    let kept = || parts.iter().flatten();
    Amount { rows: kept().map(|(part, _)| part.rows).sum(), bytes: kept().map(|(part, _)| part.bytes).sum() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proto::catalog::{DatabaseName, Publication, PublicationKind};
    use proto::{ArticleId, Capture, Column, ColumnType, TableName, Value};
    use workdir::manifest::FileEntry;

    const FIRST: Uuid = Uuid::from_u128(1);
    const SECOND: Uuid = Uuid::from_u128(2);

    fn lsn(n: u32) -> Lsn {
        Lsn::new(n, 0, 1)
    }

    fn article(id: u32, key: ColumnType, other: ColumnType) -> Article {
        let source = TableName { schema: "dbo".into(), table: format!("t{id}") };
        let key = Column { nullable: false, key_ordinal: Some(0), ..Column::new("k", key) };
        let columns = vec![Column::new("other", other), key];
        Article { id: ArticleId(id), ..Article::new("p", source, columns, Capture::default()) }
    }

    fn files(article: &Article, number: usize, parts: usize) -> ArticleFiles {
        let entry = |name: &str| FileEntry { name: format!("{number}.{name}"), size: 1, sha256: String::new() };
        let bound = |i: usize| if i > 0 && i < parts { vec![Value::I32(i as i32 * 100)] } else { Vec::new() };
        ArticleFiles {
            number,
            article: article.clone(),
            pre_script: entry("sch"),
            post_script: entry("post.sql"),
            last_script: entry("last.sql"),
            format_file: entry("xml"),
            parts: (0..parts).map(|i| KeyRange { lower: bound(i), upper: bound(i + 1) }).collect(),
        }
    }

    fn part(name: &str, view: Uuid) -> FinishedPart {
        let file = FileEntry { name: name.into(), size: 10, sha256: String::new() };
        FinishedPart { file, bytes: 10, rows: 5, view }
    }

    /// Two articles of three parts each, the first two of each finished in the first view.
    fn attempt(first: &Article, second: &Article) -> (Plan, Remains) {
        let publication = Publication {
            name: "p".into(),
            kind: PublicationKind::Transactional,
            database: DatabaseName { server: "s".into(), database: "d".into() },
            server_version: 16,
            replicate_ddl: true,
            created_at: 0,
        };
        let mut plan = Plan::new(Uuid::from_u128(9), publication, None, 0);
        plan.articles = vec![files(first, 1, 3), files(second, 2, 3)];
        let mut remains = Remains::default();
        for place in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            remains.parts.insert(place, part(&format!("{place:?}"), FIRST));
        }
        remains.views.insert(FIRST, lsn(10));
        (plan, remains)
    }

    fn narrow(id: u32) -> Article {
        article(id, ColumnType::Int, ColumnType::VarChar(Some(10)))
    }

    /// Which parts of an article are kept, by their boundaries.
    fn boundaries(kept: &Option<Kept>) -> Vec<Option<u32>> {
        let of = |part: &Option<(FinishedPart, Lsn)>| {
            part.as_ref().map(|(_, boundary)| (1..100).find(|n| lsn(*n) == *boundary).unwrap())
        };
        kept.as_ref().map_or(Vec::new(), |kept| kept.parts.iter().map(of).collect())
    }

    #[test]
    fn finished_parts_are_kept_and_the_others_read() {
        let articles = [narrow(1), narrow(2)];
        let (plan, remains) = attempt(&articles[0], &articles[1]);
        let kept = kept(&plan, &remains, &articles, Some(lsn(10)));
        assert_eq!(boundaries(&kept[0]), [Some(10), Some(10), None]);
        assert_eq!(boundaries(&kept[1]), [Some(10), Some(10), None]);
        assert_eq!(kept[1].as_ref().unwrap().files, plan.articles[1]);
        assert_eq!(amount(&kept[0].as_ref().unwrap().parts), Amount { rows: 10, bytes: 20 });
    }

    #[test]
    fn articles_are_found_by_their_definition_wherever_they_stand() {
        let articles = [narrow(1), narrow(2)];
        let (plan, remains) = attempt(&articles[0], &articles[1]);
        let mut changed = articles[0].clone();
        changed.columns[0].name = "another".into();
        let newer = Article { id: ArticleId(7), ..articles[1].clone() };
        let kept = kept(&plan, &remains, &[newer, articles[1].clone(), changed, narrow(3)], None);
        assert_eq!(kept.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(kept[1].as_ref().unwrap().files.number, 2);
    }

    #[test]
    fn what_the_queue_no_longer_follows_is_read_anew() {
        let articles = [narrow(1), narrow(2)];
        let (plan, mut remains) = attempt(&articles[0], &articles[1]);
        remains.parts.insert((1, 2), part("late", SECOND));
        remains.views.insert(SECOND, lsn(20));
        let at = |kept_after| {
            let kept = kept(&plan, &remains, &articles, kept_after);
            (boundaries(&kept[0]), boundaries(&kept[1]))
        };
        let all = (vec![Some(10), Some(10), None], vec![Some(10), Some(10), Some(20)]);
        assert_eq!(at(None), all);
        assert_eq!(at(Some(lsn(10))), all, "what comes after the boundary is what is needed");
        assert_eq!(at(Some(lsn(11))), (vec![], vec![None, None, Some(20)]));
        assert_eq!(at(Some(lsn(21))), (vec![], vec![]));
    }

    #[test]
    fn a_view_without_a_boundary_is_of_no_use() {
        let articles = [narrow(1), narrow(2)];
        let (plan, mut remains) = attempt(&articles[0], &articles[1]);
        remains.parts.insert((0, 2), part("late", SECOND));
        assert_eq!(unknown_views(&remains), BTreeSet::from([SECOND]));
        assert_eq!(boundaries(&kept(&plan, &remains, &articles, None)[0]), [Some(10), Some(10), None]);
        remains.views.clear();
        assert_eq!(kept(&plan, &remains, &articles, None), [None, None]);
    }

    #[test]
    fn articles_that_cannot_be_of_two_boundaries_are_kept_as_a_whole_or_not_at_all() {
        for indivisible in [
            article(1, ColumnType::Int, ColumnType::NVarChar(None)),
            article(1, ColumnType::Int, ColumnType::Xml),
            article(1, ColumnType::VarChar(Some(20)), ColumnType::Int),
            article(1, ColumnType::Float, ColumnType::Int),
        ] {
            let articles = [indivisible, narrow(2)];
            let (plan, mut remains) = attempt(&articles[0], &articles[1]);
            let now = |remains: &Remains| boundaries(&kept(&plan, remains, &articles, None)[0]);
            assert_eq!(now(&remains), [], "a part is missing");
            remains.parts.insert((0, 2), part("late", SECOND));
            remains.views.insert(SECOND, lsn(20));
            assert_eq!(now(&remains), [], "a part is of another boundary");
            remains.views.insert(SECOND, lsn(10));
            assert_eq!(now(&remains), [Some(10); 3], "all of one boundary");
        }
    }
}
