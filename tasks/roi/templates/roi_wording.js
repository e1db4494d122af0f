// The words of tasks/roi/wording.py in JavaScript, under the same names; a test compares the two.
"use strict";
(() => {
  const BASIS_TEXTS = { answer: "for each answer, right or wrong", correct_answer: "for each correct answer" };

  const grouped = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  const formatUsd = (usd) => {
    if (usd === null) return "no bound";
    if (usd >= 1000) return `$${grouped(usd, 0)}`;
    if (usd >= 1) return `$${grouped(usd, 2)}`;
    return usd < 1e-9 ? "$0" : `$${usd.toFixed(2 - Math.floor(Math.log10(usd)))}`;
  };

  const formatQueries = (queries) => {
    if (queries === 0) return "0";
    const digits = 2 - Math.floor(Math.log10(queries)), rounded = Number(queries.toPrecision(3));
    return rounded < 100 && rounded % 1 ? grouped(rounded, Math.max(0, digits)) : grouped(rounded, 0);
  };

  const inSentence = (sheet, name) => sheet.arms.find((arm) => arm.arm === name).in_sentence;

  const describeRanges = (sheet, ranges, basis) => {
    const nameIn = (range) => inSentence(sheet, range.arm);
    const counted = BASIS_TEXTS[basis];
    if (!ranges.length) return "";
    if (ranges.length === 1) return `At any number of queries a day ${nameIn(ranges[0])} costs least ${counted}.`;
    const [first, ...later] = ranges;
    const below = `Below ${formatQueries(later[0].from_queries_per_day)} queries a day ${nameIn(first)} costs least`;
    const above = later.map((each) => `from ${formatQueries(each.from_queries_per_day)} on, ${nameIn(each)} does`);
    return `${below} ${counted}; ${above.join("; ")}.`;
  };

  const bothNames = (sheet, found, cheaper) =>
    [cheaper, found.arms.find((name) => name !== cheaper)].map((name) => inSentence(sheet, name));

  const describeMonth = (sheet, found, months) => {
    if (found.cheaper_later === null || found.month.value === null) return "the same throughout";
    const [cheaper, other] = bothNames(sheet, found, found.cheaper_later);
    if (found.month.value === 0) return `${cheaper} from the start; ${other} never breaks even`;
    const late = found.month.value > months ? `, after the ${months} months` : "";
    const [low, high] = found.month.ci95.map((end) => (end === null ? "never" : String(end)));
    return `${cheaper} from month ${found.month.value}${late} (95 % interval ${low} to ${high})`;
  };

  const describeQueries = (sheet, found) => {
    if (found.cheaper_above === null || found.queries_per_day.value === null) return "the same at any number";
    const [cheaper, other] = bothNames(sheet, found, found.cheaper_above);
    if (found.queries_per_day.value === 0) return `${cheaper} at any number; ${other} never breaks even`;
    const [low, high] = found.queries_per_day.ci95.map((end) => (end === null ? "never" : formatQueries(end)));
    return `${cheaper} from ${formatQueries(found.queries_per_day.value)} on (95 % interval ${low} to ${high})`;
  };

  Object.assign(globalThis.ratchetRoi, { formatUsd, formatQueries, describeRanges, describeMonth, describeQueries });
})();
