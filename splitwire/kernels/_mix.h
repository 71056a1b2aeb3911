/* Logistic mixing of adaptive probabilities, in integers, so that every machine mixes alike.
 *
 * Each input is what one context makes of the bins it met. Mixed are not the probabilities but their
 * logits ("stretched"), with weights that follow the gradient of the bits spent: M. Mahoney (2005),
 * "Adaptive weighing of context models for lossless data compression". A logit is in 1/256. */

#ifndef SPLITWIRE_MIX_H
#define SPLITWIRE_MIX_H

#include <stdint.h>

#define MIX_INPUTS 6
#define MIX_LARGEST 3071       /* logits are within +-12 */
#define MIX_HEAVIEST (1 << 20) /* and weights within +-16, in 1/65536 */
#define MIX_LEAST 24           /* of 65536: what no mixed probability falls below */
#define MIX_SETTLED 48         /* bins after which a context follows at an even pace */

typedef struct {
    uint16_t p, seen; /* probability of a one, of 65536; bins behind it, up to MIX_SETTLED */
} mix_context;

typedef struct {
    mix_context *of[MIX_INPUTS];
    int logits[MIX_INPUTS];
    int32_t *weights;
    int p; /* what they make of it together */
} mix_bin;

/* 65536 / (1 + exp(-i / 8)) */
static const int32_t mix_logistic[97] = {
    32768, 34813, 36843, 38841, 40793, 42687, 44511, 46254, 47911, 49474, 50941, 52310, 53581,
    54754, 55834, 56822, 57724, 58544, 59287, 59959, 60565, 61109, 61598, 62036, 62428, 62778,
    63090, 63368, 63615, 63835, 64030, 64203, 64357, 64494, 64614, 64721, 64816, 64900, 64974,
    65039, 65097, 65149, 65194, 65234, 65269, 65300, 65328, 65352, 65374, 65393, 65410, 65425,
    65438, 65449, 65459, 65468, 65476, 65483, 65489, 65495, 65500, 65504, 65508, 65511, 65512,
    65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512,
    65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512, 65512,
    65512, 65512, 65512, 65512, 65512, 65512,
};

static inline int mix_squash(int logit)
{
    const int size = logit < 0 ? -logit : logit;
    const int place = size >> 5, rest = size & 31;
    const int p = (mix_logistic[place] * (32 - rest) + mix_logistic[place + 1] * rest) >> 5;
    return logit < 0 ? 65536 - p : p;
}

/* The inverse, for probabilities in 1/4096: the least logit that reaches one. */
static inline void mix_fill_logits(int16_t *logits)
{
    int logit = -MIX_LARGEST;
    for (int p = 0; p < 4096; p++) {
        while (logit < MIX_LARGEST && mix_squash(logit) < 16 * p + 8)
            logit++;
        logits[p] = (int16_t)logit;
    }
}

/* 65536 / (seen + 1.6), so that the first bins count for most. */
static inline void mix_fill_paces(uint16_t *paces)
{
    for (int seen = 0; seen <= MIX_SETTLED; seen++)
        paces[seen] = (uint16_t)(655360 / (10 * seen + 16));
}

static inline void mix_predict(mix_bin *bin, const int16_t *logits)
{
    int64_t sum = 0;
    for (int i = 0; i < MIX_INPUTS; i++) {
        bin->logits[i] = logits[bin->of[i]->p >> 4];
        sum += (int64_t)bin->weights[i] * bin->logits[i];
    }
    sum >>= 16;
    sum = sum > MIX_LARGEST ? MIX_LARGEST : sum < -MIX_LARGEST ? -MIX_LARGEST : sum;
    bin->p = mix_squash((int)sum);
}

static inline void mix_learn_one(mix_context *context, int one, const uint16_t *paces)
{
    const int32_t aim = one ? 65519 : 16;
    context->p = (uint16_t)(context->p + (((int64_t)(aim - context->p) * paces[context->seen]) >> 16));
    context->seen += context->seen < MIX_SETTLED;
}

static inline void mix_learn(const mix_bin *bin, int one, const uint16_t *paces)
{
    const int error = (one << 16) - bin->p;
    for (int i = 0; i < MIX_INPUTS; i++) {
        int32_t w = bin->weights[i] + ((bin->logits[i] * error + (1 << 14)) >> 15);
        w = w > MIX_HEAVIEST ? MIX_HEAVIEST : w < -MIX_HEAVIEST ? -MIX_HEAVIEST : w;
        bin->weights[i] = w;
        mix_learn_one(bin->of[i], one, paces);
    }
}

#endif
