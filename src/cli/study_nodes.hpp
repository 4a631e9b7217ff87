#pragma once
/// How the cells of a study that are computed at a time share its nodes: a node works for one run at a time.
#include "actors/node_options.hpp"
#include "study/plan.hpp"

namespace afu::cli {

/// `jobs`, or where that is 0, so many cells at a time that each has a node, where cells have any: at most as many as cores. Throws UsageError where
/// `jobs` is more, and as node_options does.
int jobs_by_nodes(const study::Plan& plan, int jobs);

/// Throws InputError that names a node of the plan's which cannot be reached.
void require_nodes(const study::Plan& plan);

/// Of the nodes those of the runner `index` of `count`: each of them asks others.
actors::NodeOptions share_of_nodes(actors::NodeOptions options, std::size_t index, std::size_t count);

}  // namespace afu::cli
