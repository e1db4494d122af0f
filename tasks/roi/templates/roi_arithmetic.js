// The arithmetic of tasks/roi in JavaScript, so that sliders work offline. Formulas and their reasons are documented
// there, under the same names; a test compares the two on a table of cases.
"use strict";
globalThis.ratchetRoi = (() => {
  const HOURS_PER_MONTH = 730, DAYS_PER_MONTH = 365 / 12, SECONDS_PER_DAY = 86400;
  const JOULES_PER_KWH = 3600000, BYTES_PER_GB = 1e9;
  const LOOK_AHEAD_MONTHS = 120, MOST_QUERIES_PER_DAY = 1e9, SAME = 1e-9;
  const BASES = ["answer", "correct_answer"];

  // costs.py
  const servingPrices = (prices, arm) => (arm.adapter ? prices.with_adapter : prices.without_adapter);

  const serverMonthUsd = (serving) =>
    serving.usd_per_server_month !== null ? serving.usd_per_server_month : (serving.usd_per_server_hour || 0) * HOURS_PER_MONTH;

  const trainingUsd = (prices, arm) => {
    const hours = arm.training_s / 3600 / prices.training_speed_ratio;
    return hours * prices.usd_per_training_hour + (arm.train_tokens / 1000) * prices.usd_per_1k_training_tokens;
  };

  // `means`: prompt tokens, completion tokens and server seconds a query, and the share correct.
  const costTerms = (prices, arm, [promptTokens, completionTokens, serverSeconds]) => {
    const serving = servingPrices(prices, arm);
    const kwh = prices.electricity_usd_per_kwh / JOULES_PER_KWH;
    return {
      tokensPerQuery:
        (promptTokens / 1000) * serving.usd_per_1k_prompt_tokens + (completionTokens / 1000) * serving.usd_per_1k_completion_tokens,
      energyPerQuery: (arm.server_energy_j_per_query || 0) * kwh,
      serverMonth: serverMonthUsd(serving),
      serversPerDailyQuery: serverSeconds / serving.server_speed_ratio / (SECONDS_PER_DAY * serving.max_utilisation),
      minServers: serving.min_servers,
      training: arm.adapter ? trainingUsd(prices, arm) : 0,
      trainingEnergy: arm.adapter ? (arm.training_energy_j || 0) * kwh : 0,
      firstLabels: arm.adapter ? prices.labels_before_training * prices.usd_per_label : 0,
      laterLabels: arm.adapter ? prices.labels_per_retraining * prices.usd_per_label : 0,
      intervalMonths: prices.retraining_interval_months,
      indexBuild: arm.retrieval ? prices.index_build_usd : 0,
      indexMonth: arm.retrieval ? prices.index_usd_per_month : 0,
      storageMonth: (arm.storage_bytes / BYTES_PER_GB) * prices.storage_usd_per_gb_month,
      trained: arm.adapter,
    };
  };

  const trainingsBy = (terms, month) => {
    if (!terms.trained) return 0;
    return terms.intervalMonths === null || month < 1 ? 1 : 1 + Math.floor((month - 1) / terms.intervalMonths);
  };

  const serversPaid = (terms, queries) => Math.max(terms.minServers, queries * terms.serversPerDailyQuery);

  const splitCosts = (terms, queriesPerDay, month) => {
    const queries = queriesPerDay * DAYS_PER_MONTH * month, trainings = trainingsBy(terms, month);
    return {
      hosting_usd: month * serversPaid(terms, queriesPerDay) * terms.serverMonth,
      tokens_usd: queries * terms.tokensPerQuery,
      training_usd: trainings * terms.training,
      labels_usd: trainings ? terms.firstLabels + (trainings - 1) * terms.laterLabels : 0,
      index_usd: terms.indexBuild + month * terms.indexMonth,
      storage_usd: month * terms.storageMonth,
      energy_usd: queries * terms.energyPerQuery + trainings * terms.trainingEnergy,
    };
  };

  const fixedUsd = (terms, month) => {
    const trainings = trainingsBy(terms, month);
    const paid = terms.indexBuild + month * (terms.indexMonth + terms.storageMonth);
    if (!trainings) return paid;
    const later = (trainings - 1) * (terms.training + terms.trainingEnergy + terms.laterLabels);
    return paid + terms.training + terms.trainingEnergy + terms.firstLabels + later;
  };

  const monthlyUsd = (terms, queries) =>
    queries * DAYS_PER_MONTH * (terms.tokensPerQuery + terms.energyPerQuery) + serversPaid(terms, queries) * terms.serverMonth;

  const totalUsd = (terms, queries, month) => fixedUsd(terms, month) + month * monthlyUsd(terms, queries);

  const forEachCorrect = (usd, share) => (share > 0 ? usd / share : Infinity);

  // break_even.py
  const compare = (a, b) => {
    const largest = Math.max(Math.abs(a), Math.abs(b));
    if (a === b || (largest < Infinity && Math.abs(a - b) <= SAME * largest)) return 0;
    return a < b ? -1 : 1;
  };

  const monthsUntilNoHigher = (a, b) => {
    let month = a.length;
    while (month > 0 && (a[month - 1] <= b[month - 1] || compare(a[month - 1], b[month - 1]) === 0)) month -= 1;
    return month;
  };

  const swapInMonths = (a, b) => {
    const since = [monthsUntilNoHigher(a, b), monthsUntilNoHigher(b, a)];
    if (since[0] === 0 && since[1] === 0) return { lower: null, start: 0 };
    const lower = since[0] < since[1] ? 0 : 1;
    return { lower, start: since[lower] };
  };

  const costLine = (terms, months, dividedBy) => ({
    fixed: fixedUsd(terms, months) / dividedBy,
    slope: (months * DAYS_PER_MONTH * (terms.tokensPerQuery + terms.energyPerQuery)) / dividedBy,
    server: (months * terms.serverMonth) / dividedBy,
    load: terms.serversPerDailyQuery,
    minServers: terms.minServers,
    kink: terms.serversPerDailyQuery > 0 ? terms.minServers / terms.serversPerDailyQuery : Infinity,
  });

  const costAt = (line, q) => line.fixed + line.slope * q + line.server * Math.max(line.minServers, line.load * q);

  const knotsOf = (a, b) => {
    const kinks = [a.kink, b.kink].filter((kink) => kink < MOST_QUERIES_PER_DAY);
    return [...new Set([0, ...kinks, MOST_QUERIES_PER_DAY])].sort((x, y) => x - y);
  };

  const root = (a, b, low, high) => {
    const atLow = costAt(a, low) - costAt(b, low), atHigh = costAt(a, high) - costAt(b, high);
    return low + ((high - low) * atLow) / (atLow - atHigh);
  };

  const crossings = (a, b) => {
    const knots = knotsOf(a, b), points = [];
    let before = 0, zero = null;
    knots.forEach((q, index) => {
      const sign = compare(costAt(a, q), costAt(b, q));
      if (sign === 0) {
        zero = zero === null ? q : zero;
        return;
      }
      if (before && sign !== before) points.push(zero === null ? root(a, b, knots[index - 1], q) : zero);
      before = sign;
      zero = null;
    });
    return points;
  };

  const swapInQueries = (a, b) => {
    if (a === null || b === null) return { lower: a === b ? null : Number(a === null), start: 0 };
    const signs = knotsOf(a, b).map((q) => compare(costAt(a, q), costAt(b, q))).filter((sign) => sign);
    if (!signs.length) return { lower: null, start: 0 };
    const points = crossings(a, b);
    return { lower: signs[signs.length - 1] < 0 ? 0 : 1, start: points.length ? points[points.length - 1] : 0 };
  };

  // priced.py
  const priceArms = (prices, arms, means) =>
    arms.map((arm, index) => ({ arm: arm.arm, terms: costTerms(prices, arm, means[index]), correctShare: means[index][3] }));

  const sharePaidFor = (priced, basis) => (basis === "answer" ? 1 : priced.correctShare);

  const usdPerAnswer = (prices, priced, basis) => {
    const queries = prices.queries_per_day * DAYS_PER_MONTH * prices.months;
    return forEachCorrect(totalUsd(priced.terms, prices.queries_per_day, prices.months) / queries, sharePaidFor(priced, basis));
  };

  // What is fixed is the same in every draw, so it is passed in.
  const fixedByMonth = (priced) => Array.from({ length: LOOK_AHEAD_MONTHS + 1 }, (_, month) => fixedUsd(priced.terms, month));

  const costsByMonth = (prices, priced, basis, fixed) => {
    const monthly = monthlyUsd(priced.terms, prices.queries_per_day), share = sharePaidFor(priced, basis);
    return fixed.map((usd, month) => forEachCorrect(usd + month * monthly, share));
  };

  const lineOf = (prices, priced, basis) => {
    const share = sharePaidFor(priced, basis);
    return share > 0 ? costLine(priced.terms, prices.months, share) : null;
  };

  const finite = (value) => (Number.isFinite(value) ? value : null);

  // usage.py
  const spread = ([value, ...draws]) => {
    const ordered = draws.sort((x, y) => (x === y ? 0 : x - y)); // Infinity minus itself is no number
    const [low, high] = [0.025, 0.975].map((share) => ordered[Math.ceil(share * ordered.length) - 1]);
    return { value: finite(value), ci95: [finite(Math.min(low, value)), finite(Math.max(high, value))] };
  };

  // pairs.py
  const pairsOf = (names) => names.flatMap((a, i) => names.slice(i + 1).map((b, j) => [i, i + 1 + j]));

  const breakEvens = (prices, states) => {
    const names = states[0].map((priced) => priced.arm), fixed = states[0].map(fixedByMonth), found = [];
    for (const basis of BASES) {
      const months = states.map((arms) => arms.map((priced, index) => costsByMonth(prices, priced, basis, fixed[index])));
      const lines = states.map((arms) => arms.map((priced) => lineOf(prices, priced, basis)));
      for (const [i, j] of pairsOf(names)) {
        const inMonths = months.map((costs) => swapInMonths(costs[i], costs[j]));
        const inQueries = lines.map((of) => swapInQueries(of[i], of[j]));
        const byMonth = startsOf(inMonths);
        const inTime = byMonth.slice(1).filter((start) => start <= prices.months).length;
        found.push({
          arms: [names[i], names[j]],
          basis,
          cheaper_later: nameOf([names[i], names[j]], inMonths[0]),
          month: spread(byMonth),
          within_months_share: inMonths[0].lower === null ? 0 : inTime / (byMonth.length - 1),
          cheaper_above: nameOf([names[i], names[j]], inQueries[0]),
          queries_per_day: spread(startsOf(inQueries)),
        });
      }
    }
    return found;
  };

  const startsOf = (swaps) =>
    swaps.map((swap) => (swap.lower === swaps[0].lower || swap.lower === null ? swap.start : Infinity));

  const nameOf = (pair, swap) => (swap.lower === null ? null : pair[swap.lower]);

  // cheapest.py
  const cheapestAt = (costs) => {
    let best = null, lowest = null;
    for (const [arm, cost] of costs) {
      if (cost !== null && (lowest === null || compare(cost, lowest) < 0)) [best, lowest] = [arm, cost];
    }
    return best;
  };

  const cheapestRanges = (named) => {
    const lines = named.filter(([, line]) => line !== null);
    const points = pairsOf(lines).flatMap(([i, j]) => crossings(lines[i][1], lines[j][1]));
    const ends = [0, ...[...new Set(points)].sort((x, y) => x - y), MOST_QUERIES_PER_DAY];
    const ranges = [];
    ends.slice(1).forEach((high, index) => {
      const low = ends[index];
      const arm = cheapestAt(lines.map(([name, line]) => [name, costAt(line, (low + high) / 2)]));
      if (arm !== null && (!ranges.length || ranges[ranges.length - 1].arm !== arm)) {
        if (ranges.length) ranges[ranges.length - 1].to_queries_per_day = low;
        ranges.push({ arm, from_queries_per_day: low, to_queries_per_day: null });
      }
    });
    return ranges;
  };

  // `sheet`: arms with their means, and the draws of the means, one row of arms a draw.
  const analyse = (sheet, prices) => {
    const states = [sheet.arms.map((arm) => arm.means), ...sheet.draws].map((means) => priceArms(prices, sheet.arms, means));
    const [point] = states;
    const months = Array.from({ length: prices.months + 1 }, (_, month) => month);
    const admitted = point.filter((priced) => priced.correctShare >= prices.min_correct_share);
    return {
      arms: point.map((priced, index) => ({
        arm: priced.arm,
        usd_per_query: spread(states.map((arms) => usdPerAnswer(prices, arms[index], "answer"))),
        usd_per_correct_answer: spread(states.map((arms) => usdPerAnswer(prices, arms[index], "correct_answer"))),
        total_usd: spread(states.map((arms) => totalUsd(arms[index].terms, prices.queries_per_day, prices.months))),
        cumulative: months.map((month) => splitCosts(priced.terms, prices.queries_per_day, month)),
      })),
      break_evens: breakEvens(prices, states),
      cheapest: Object.fromEntries(
        BASES.map((basis) => [basis, cheapestRanges(admitted.map((priced) => [priced.arm, lineOf(prices, priced, basis)]))]),
      ),
    };
  };

  const usdPerAnswerAt = (sheet, prices, queriesPerDay, basis) => {
    const at = { ...prices, queries_per_day: queriesPerDay };
    return priceArms(at, sheet.arms, sheet.arms.map((arm) => arm.means)).map((priced) => finite(usdPerAnswer(at, priced, basis)));
  };

  return { analyse, usdPerAnswerAt };
})();
