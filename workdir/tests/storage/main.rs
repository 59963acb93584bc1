//! What every kind of working directory must do: one set of tests, run over each kind.
//!
//! [`Backend`] is how to make an empty working directory of a kind, how to look at it from outside, and how to break it. The promises
//! stand in [`files`] (whole life of a file and a folder), [`snapshots`] (reading without trust) and [`outages`] (storage that is gone).
//! A kind whose disk can be filled or closed to writers beside runs [`outages::full`] and [`outages::refused`].
#![allow(clippy::unwrap_used)]

#[path = "../azurite/mod.rs"]
mod azurite;
mod backend;
mod blob;
mod certificates;
mod compressed;
mod files;
mod local;
mod outages;
mod proxy;
#[path = "../samba/mod.rs"]
mod samba;
#[path = "../sample/mod.rs"]
mod sample;
mod share;
mod snapshots;

use backend::Backend;

/// The tests that every kind passes.
macro_rules! storage_tests {
    ($backend:ty: $($module:ident::$test:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                crate::$module::$test(&mut <$backend as crate::Backend>::start().await).await;
            }
        )*
    };
    ($backend:ty) => {
        crate::storage_tests! { $backend:
            files::a_file_goes_from_writing_to_removal
            files::a_folder_that_is_there_is_not_made_again
            files::a_file_appears_only_when_it_is_finished
            files::a_finished_file_takes_the_place_of_an_older_one
            files::files_are_written_and_read_beside_each_other
            files::of_two_writers_of_one_name_each_finishes_a_whole_file_or_fails
            files::a_large_file_comes_back
            files::an_empty_file_comes_back
            files::names_that_lead_elsewhere_are_refused
            files::foreign_files_are_left_out_and_left_alone
            files::what_is_missing_is_an_error_that_names_it_or_none_at_all
            snapshots::a_snapshot_comes_back_as_it_was_written
            snapshots::a_changed_byte_is_found_and_its_file_named
            snapshots::a_cut_a_longer_and_a_missing_file_are_found_and_named
            snapshots::files_that_changed_places_are_found
            snapshots::a_manifest_that_leads_elsewhere_is_refused
            snapshots::a_folder_without_a_whole_manifest_is_no_snapshot
            outages::a_read_during_which_the_storage_goes_fails_and_later_succeeds
            outages::a_write_during_which_the_storage_goes_leaves_no_file_and_later_succeeds
            outages::nothing_works_without_the_storage_and_everything_does_once_it_is_back
        }
    };
}
pub(crate) use storage_tests;
