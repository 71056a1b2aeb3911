/* The table of `_rans8.h`: 256 levels as leaves of a binary tree, with frequencies that sum to 256.
 *
 * A leaf is 2^w levels beside each other, 0 <= w <= 7, which are coded as one and told apart by w
 * plain bits. So neighbours that are about as frequent share a frequency, and rare ones too: 256 then
 * is enough, and few leaves take few bytes. The tree is told in order, from the root, which is split:
 * a bit for each node of several levels, 1 if it is split, and for each leaf its frequency f: as many
 * ones as floor(log2(f + 2)) - 1, a zero, and the bits of f + 2 below its first.
 *
 * An encoder takes the tree of the least bits, by a logarithm in integers: the same everywhere. */

#ifndef SPLITWIRE_RANS8_TREE_H
#define SPLITWIRE_RANS8_TREE_H

#include <string.h>

#include "_bits.h"
#include "_rans_table.h"

#define RANS8_LEVELS 256
#define RANS8_PRECISION 8
#define RANS8_TREE_BYTES 704 /* the longest: 255 nodes of a bit, 256 leaves of up to 17, filled up */
#define RANS8_BIT ((int64_t)1 << 16)
#define RANS8_NAT 94548 /* in 1/65536 bits */
#define RANS8_LEAF (6 * RANS8_BIT) /* what a leaf is taken to add to the tree */

typedef struct {
    uint8_t first, width;
    uint16_t frequency; /* 0 if none of its levels occurs, and at most 255 */
} rans8_leaf;

typedef struct {
    int count;
    rans8_leaf leaves[RANS8_LEVELS];
} rans8_tree;

/* log2(n) in 1/65536, 0.001 off at most: a double is an exponent and what stands behind the first bit,
 * and between powers of two a cubic is near enough. */
static inline int64_t rans8_log2(int64_t n)
{
    const double exact = (double)n;
    uint64_t bits;
    int64_t rest, bend;
    memcpy(&bits, &exact, sizeof bits);
    rest = bits >> 36 & 0xFFFF;
    bend = 22654 + (4961 * (65536 - 2 * rest) >> 16);
    return (int64_t)(bits >> 36) - ((int64_t)1023 << 16) + ((rest * (65536 - rest) >> 16) * bend >> 16);
}

/* What n of 2^width levels cost as a leaf, of the frequency nearest to what it has of the sum: its own
 * bits, and those that it takes from others. */
static inline int64_t rans8_leaf_cost(int64_t n, int width, int64_t share, int64_t taken)
{
    const int64_t nearest = (n * share + ((int64_t)1 << 39)) >> 40, f = nearest ? nearest : 1;
    if (!n)
        return 2 * RANS8_BIT;
    return n * ((width + RANS8_PRECISION) * RANS8_BIT - rans8_log2(f)) + f * taken + RANS8_LEAF;
}

/* The leaves below a node, in order. Nodes are numbered from the root, 1, to the levels, 256 + s. */
static void rans8_collect(const int64_t *counts, const uint8_t *split, int node, int width,
                          rans8_tree *tree, int64_t *weights)
{
    if (split[node]) {
        rans8_collect(counts, split, 2 * node, width - 1, tree, weights);
        rans8_collect(counts, split, 2 * node + 1, width - 1, tree, weights);
        return;
    }
    weights[tree->count] = counts[node];
    tree->leaves[tree->count].first = (uint8_t)(node << width);
    tree->leaves[tree->count++].width = (uint8_t)width;
}

/* The tree for levels that occur so often; their sum is 1 to 2^40. */
static void rans8_plant(const int64_t *counts, rans8_tree *tree)
{
    int64_t all[2 * RANS8_LEVELS], cost[2 * RANS8_LEVELS], weights[RANS8_LEVELS], sum = 0, share, taken;
    uint8_t split[2 * RANS8_LEVELS] = {0};
    uint16_t frequencies[RANS8_LEVELS];
    for (int s = 0; s < RANS8_LEVELS; s++)
        sum += all[RANS8_LEVELS + s] = counts[s];
    share = ((int64_t)1 << 48) / sum;
    taken = sum * RANS8_NAT >> 8; /* by each 1/256 */
    for (int node = 2 * RANS8_LEVELS - 1, width = 0; node > 0; node--) {
        if (node < RANS8_LEVELS) {
            width += (node & (node + 1)) == 0; /* the last of its width */
            all[node] = all[2 * node] + all[2 * node + 1];
        }
        cost[node] = rans8_leaf_cost(all[node], width, share, taken);
        if (node < RANS8_LEVELS && (node == 1 || cost[2 * node] + cost[2 * node + 1] < cost[node])) {
            split[node] = 1;
            cost[node] = cost[2 * node] + cost[2 * node + 1] + RANS8_BIT;
        }
    }
    tree->count = 0;
    rans8_collect(all, split, 1, RANS8_PRECISION, tree, weights);
    rans_normalize(weights, tree->count, RANS8_PRECISION, frequencies);
    for (int i = 0; i < tree->count; i++)
        tree->leaves[i].frequency = frequencies[i];
}

static void rans8_write_frequency(bit_writer *to, uint32_t f)
{
    int more = 0;
    while ((f + 2) >> (more + 2))
        more++;
    write_bits(to, (1u << more) - 1, more + 1);
    write_bits(to, (f + 2) & ((2u << more) - 1), more + 1);
}

/* The bits that say where leaves end: before each, those of the splits that lead to it. */
static void rans8_write_tree(bit_writer *to, const rans8_tree *tree)
{
    for (int i = 0; i < tree->count; i++) {
        const rans8_leaf *leaf = &tree->leaves[i];
        int above = 0; /* widths up to here are of nodes that begin with this leaf */
        while (above < RANS8_PRECISION && !(leaf->first >> above & 1))
            above++;
        if (above == RANS8_PRECISION)
            above--; /* the root has no bit */
        for (int width = above; width > leaf->width; width--)
            write_bits(to, 1, 1);
        if (leaf->width)
            write_bits(to, 0, 1);
        rans8_write_frequency(to, leaf->frequency);
    }
}

/* Returns 0 for bits that tell no such tree. No more is read than `from` holds. */
static int rans8_read_tree(bit_reader *from, rans8_tree *tree)
{
    uint32_t first = 0, sum = 0;
    tree->count = 0;
    while (first < RANS8_LEVELS) {
        rans8_leaf *leaf = &tree->leaves[tree->count++];
        int width = 0, more = 0;
        while (width < RANS8_PRECISION && !(first >> width & 1))
            width++;
        if (width == RANS8_PRECISION)
            width--;
        while (width && read_bits(from, 1))
            width--;
        while (more < 8 && read_bits(from, 1))
            more++;
        leaf->frequency = (uint16_t)((2u << more) + read_bits(from, more + 1) - 2);
        leaf->first = (uint8_t)first;
        leaf->width = (uint8_t)width;
        first += 1u << width;
        sum += leaf->frequency;
        if (leaf->frequency >= 256 || bits_overrun(from))
            return 0;
    }
    return sum == 256;
}

#endif
