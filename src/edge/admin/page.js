// The page's script. The URL fragment is the whole view state; the API's answers are the whole data.
// Whatever comes from the API is put on the page as text nodes only, never as markup.

const REFRESH_MS = 2000;
// A server that takes long to answer (large clusters) is asked less often: at most a tenth of the time.
const REST_SHARE = 10;
const TIMEOUT_MS = 10000;
const ROWS_MAX = 200;
const STALE_SECONDS = 10;

// What a candidate costs, in seconds, as the table and the bar have it. The price of bytes that cross a zone
// is a part of the stream; streams to be avoided are taken off the credit.
const PARTS = {
  wait: (node) => node.waitSeconds,
  fetch: (node) => node.fetchSeconds,
  unpack: (node) => node.unpackSeconds,
  stream: (node) => node.streamSeconds + node.moneySeconds,
  attach: (node) => node.attachSeconds,
  heat: (node) => node.heatSeconds,
};
const totalOf = (node) => node.costSeconds - node.avoidableSeconds;
const creditOf = (node) => node.creditSeconds + node.companySeconds + node.lookaheadSeconds - node.avoidableSeconds;
const movesOf = (node) => node.missingBytes + node.streamBytes;
const arrivingOf = (node) => node.arrivingBytes + node.arrivingVolumeBytes;

const byId = (id) => document.getElementById(id);

// ---- words and numbers ------------------------------------------------------------------------

const NOT_READY = {
  'not-synced': 'nodes and pods are not listed yet',
  stale: 'no sign of life from the API server for over a minute',
};

const NEUTRAL = {
  'no-images': 'the pod has no images',
  'no-known-candidate': 'none of the candidates is known',
  'images-unknown': 'none of the images is known',
};

const SIZES = { chains: 'layer chains', records: 'image records', pods: 'bound pods' };

// Short for the table, long for the list below it. Names as in the API.
const REASONS = {
  'never-pulled': ['would fail: never pulls', 'The pull policy is Never and the node does not hold the image: the container would fail there.'],
  arriving: ['partly arriving', 'Some of it is already being pulled there, mostly for another pod: only the time left counts.'],
  queued: ['waits for other pulls', 'Other pulls on the node come first.'],
  home: ['home', 'No node with room has it, and pods of this kind shall meet here, so that one node pulls instead of many.'],
  'blobs-kept': ['unpacks only', 'Some layers are on the node compressed. They have to be unpacked, but not downloaded.'],
  'list-cut': ['image list cut', 'The kubelet lists its 50 largest images only. One of this size could be hidden; it counts as missing.'],
  'reference-held': ['has the reference', 'The node holds an image by this name and will not ask the registry whether the name has moved.'],
  reverifies: ['asks the registry', 'The node holds the reference but was not seen to pull it with this pod’s secret, so it asks the registry again.'],
  'platform-untold': ['platform unknown', 'The node does not tell its platform; images of any platform were taken.'],
  'volume-here': ['has a volume', 'A volume that the pod needs is on the node.'],
  'volume-arriving': ['volume arriving', 'A volume that the pod needs is on its way there for another pod: only the time left counts.'],
  'volume-from-peer': ['volume from a neighbour', 'A volume that the pod needs comes from another node in the zone.'],
  'volume-from-zone': ['volume from another zone', 'A volume that the pod needs comes from a node in another zone.'],
  'volume-from-registry': ['volume from the registry', 'A volume that the pod needs comes from the registry.'],
  'volume-from-blob-store': ['volume from the blob store', 'A volume that the pod needs comes from the blob store.'],
  'volume-nowhere': ['volume nowhere', 'A volume that the pod needs can be had nowhere: it costs nothing, here as on any other node.'],
  'later-steps-warm': ['rest is warm', 'Layers are here that later steps of the run want.'],
  'run-company': ['run is here', 'Other pods of the run are or were here, so that later steps may follow.'],
  'disk-here': ['disk is here', 'A disk that the pod claims is attached to the node.'],
  'disk-coming': ['disk is coming', 'A disk that the pod claims is about to be attached to the node.'],
  'disk-nowhere': ['attaches a disk', 'A disk that the pod claims is attached nowhere: that takes as long on every node.'],
  'disk-elsewhere': ['moves a disk', 'A disk that the pod claims has to be taken off another node before it is attached here.'],
  'disk-in-use-elsewhere': ['disk in use elsewhere', 'Pods of another node use a disk that one node can use at a time: until they have ended it cannot be attached here.'],
};

function bytes(value) {
  if (!value) return '0';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let at = 0;
  while (value >= 1023.95 && at < units.length - 1) { value /= 1024; at += 1; }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}

function seconds(value) {
  if (!value) return '0';
  if (Math.abs(value) < 0.05) return `${value < 0 ? '−' : ''}<0.1 s`;
  const text = Math.abs(value) < 100 ? Math.abs(value).toFixed(1) : count(Math.round(Math.abs(value)));
  return `${value < 0 ? '−' : ''}${text} s`;
}

const count = (value) => Number(value).toLocaleString('en-US');
const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
const percent = (share) => `${share > 0 && share < 0.0995 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
const ofImages = (value) => (value ? `${bytes(value)} of images` : 'no image bytes');
const dash = (value, text) => (value ? text(value) : '–');
const signed = (value) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : '0');

function clockTime(rfc3339) {
  const time = new Date(rfc3339);
  if (Number.isNaN(time.getTime())) return rfc3339;
  const clock = time.toLocaleTimeString('en-GB');
  return time.toDateString() === new Date().toDateString() ? clock : `${time.toLocaleDateString('en-CA')} ${clock}`;
}

function ago(milliseconds) {
  const whole = Math.max(0, Math.round(milliseconds / 1000));
  return whole < 120 ? `${whole} s ago` : `${Math.round(whole / 60)} min ago`;
}

// ---- elements ---------------------------------------------------------------------------------

// Strings become text nodes; there is no other way for data to get onto the page.
function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key === 'class') made.className = value;
    else if (key === 'width') made.style.width = value;
    else if (key === 'left') made.style.left = value;
    else if (key === 'onclick') made.addEventListener('click', value);
    else made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined).map((child) =>
    (child instanceof Node ? child : String(child))));
  return made;
}

function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

// Only writes what changed, so that a screen reader or a selection is not disturbed every two seconds.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// What is not nothing shows, however little it is.
const share = (part, whole) => (part > 0 && whole > 0 ? `max(1px, ${Math.min(100, (100 * part) / whole)}%)` : '0');
// Not Math.max(...): a large list has more rows than a call takes arguments.
const greatest = (rows, of) => rows.reduce((most, row) => Math.max(most, of(row)), 1e-9);
const clipped = (text) => el('span', { class: 'clip', title: text }, text);
const tag = (text, title) => el('span', { class: 'tag', title }, text);

// ---- view state -------------------------------------------------------------------------------

const VIEWS = ['decisions', 'nodes', 'images', 'volumes'];

function readState() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const wanted = fragment.get('view');
  const view = wanted === 'decision' && fragment.has('pod') ? 'decision' : VIEWS.includes(wanted) ? wanted : 'decisions';
  return {
    view,
    filter: fragment.get('filter') ?? '',
    sort: fragment.get('sort') ?? '',
    pod: fragment.get('pod') ?? '',
    at: fragment.get('at') ?? '',
    all: fragment.get('rows') === 'all',
    paused: fragment.get('paused') === '1',
  };
}

function fragmentOf(state) {
  const fragment = new URLSearchParams({ view: state.view });
  for (const key of ['pod', 'at', 'filter', 'sort']) if (state[key]) fragment.set(key, state[key]);
  if (state.all) fragment.set('rows', 'all');
  if (state.paused) fragment.set('paused', '1');
  return `#${fragment}`;
}

let state = readState();

// Typing and sorting change the state in place; going to another view makes a step in the history.
function change(changes) {
  Object.assign(state, changes);
  history.replaceState(null, '', fragmentOf(state));
  render();
}

const linkTo = (view, more = {}) => fragmentOf({ view, paused: state.paused, ...more });

function go(fragment) {
  location.hash = fragment;
}

// ---- data -------------------------------------------------------------------------------------

const data = { summary: null, ready: '', decisions: null, nodes: null, images: null, volumes: null, decision: null, decisionOf: '' };
const times = { fetched: 0, opened: Date.now(), error: 0 };
let lastError = '';
let failing = false;
let unreachable = false;
let timer = 0;
let round = 0;

const LISTS = { decisions: 'api/v1/decisions', nodes: 'api/v1/nodes', images: 'api/v1/images', volumes: 'api/v1/volumes' };
const decisionPath = (pod) => `${LISTS.decisions}?pod=${encodeURIComponent(pod)}`;

async function get(path, allowed = []) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store' });
  const text = await response.text();
  if (!response.ok && !allowed.includes(response.status)) {
    throw new Error(`${path}: ${response.status} ${text.slice(0, 200).trim()}`);
  }
  return text;
}

const getJson = async (path) => JSON.parse(await get(path));

// What the open view shows, and nothing else: a large cluster's image list is megabytes.
function viewRequests() {
  if (state.view !== 'decision') return { [state.view]: getJson(LISTS[state.view]) };
  return { decision: getJson(decisionPath(state.pod)) };
}

function errorWords(error) {
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  return error instanceof TypeError ? 'the server does not answer' : error.message;
}

async function refresh() {
  clearTimeout(timer);
  round += 1;
  const mine = round;
  const start = performance.now();
  const wanted = state.pod;
  const requests = { summary: getJson('api/v1/summary'), ready: get('readyz?verbose', [503]), ...viewRequests() };
  const answers = await Promise.allSettled(Object.values(requests));
  if (mine !== round) return;
  const failed = answers.filter(({ status }) => status === 'rejected');
  Object.keys(requests).forEach((key, at) => {
    if (answers[at].status === 'fulfilled') data[key] = answers[at].value;
  });
  if (requests.decision && answers.at(-1).status === 'fulfilled') data.decisionOf = wanted;
  unreachable = failed.length === answers.length;
  failing = failed.length > 0;
  if (failing) {
    times.error = Date.now();
    lastError = errorWords(failed[0].reason);
  } else {
    times.fetched = Date.now();
  }
  schedule(performance.now() - start);
  render();
}

function schedule(took) {
  clearTimeout(timer);
  if (state.paused || document.hidden) return;
  timer = setTimeout(refresh, Math.max(REFRESH_MS, took * REST_SHARE));
}

// ---- header and summary -----------------------------------------------------------------------

function renderAge() {
  const age = byId('age');
  const milliseconds = Date.now() - times.fetched;
  say(age, times.fetched ? `as of ${ago(milliseconds)}${state.paused ? ', paused' : ''}` : 'no data yet');
  age.className = failing || milliseconds > STALE_SECONDS * 1000 ? 'warn' : 'dim';
  const errors = byId('errors');
  errors.hidden = lastError === '';
  errors.className = failing ? 'errors bad' : 'errors dim';
  say(errors, `Last error ${ago(Date.now() - times.error)}${failing ? '' : ', all answered since'}: ${lastError}`);
}

function renderHeader() {
  const { summary } = data;
  const ready = byId('ready');
  if (unreachable) {
    ready.className = 'ready no';
    say(ready, 'unreachable: what is shown is old');
  } else if (summary) {
    ready.className = `ready ${summary.ready ? 'yes' : 'no'}`;
    const reason = NOT_READY[summary.notReadyReason] ?? summary.notReadyReason;
    say(ready, summary.ready ? 'ready' : `not ready: ${reason}; every answer is neutral`);
  }
  if (summary) say(byId('version'), summary.version);
  const troubles = String(data.ready).split('\n').filter((line) => line.startsWith('[-]') || line.includes('broken now'));
  const health = byId('health');
  health.hidden = troubles.length === 0;
  const text = troubles.map((line) => line.replace(/^\[.\]/, '')).join('\n');
  if (health.textContent !== text.replaceAll('\n', '')) fill(health, text.split('\n').map((line) => el('div', {}, line)));
  const pause = byId('pause');
  pause.setAttribute('aria-pressed', String(state.paused));
  say(pause, state.paused ? 'Resume' : 'Pause');
  renderAge();
}

// Images first, then volumes, if any pod needed one: the best candidate for the one may not be that for the other.
function movedBars(summary) {
  const rowsOf = (words, moved) => words.map((text, at) =>
    [text, [moved.movedToChosen, moved.movedToBest, moved.movedToMedian][at], at === 0 ? 'track move' : 'track']);
  const rows = rowsOf(['moved to the chosen nodes', 'best candidate would have moved', 'median candidate would have moved'], summary.bytes);
  if (summary.volumeBytes.wanted > 0) rows.push(...rowsOf(['volumes to the chosen nodes', 'volumes to the best candidate', 'volumes to the median candidate'], summary.volumeBytes));
  const most = greatest(rows, ([, value]) => value);
  return rows.flatMap(([text, value, kind]) => [
    el('dt', {}, text),
    el('dd', { class: kind, 'aria-hidden': 'true' }, el('i', { width: share(value, most) })),
    el('dd', { class: 'value' }, bytes(value)),
  ]);
}

const partsOf = ({ wanted, present, arriving }) =>
  [['present', present, 'present'], ['arriving', arriving, 'arriving'], ['to move', Math.max(0, wanted - present - arriving), 'move']];

function renderWanted(id, sums) {
  say(byId(id), bytes(sums.wanted));
  fill(byId(`${id}-bar`), partsOf(sums).map(([, value, kind]) => el('i', { class: kind, width: share(value, sums.wanted) })));
  fill(byId(`${id}-parts`), partsOf(sums).map(([text, value, kind]) => el('div', {}, el('dt', { class: kind }, text), el('dd', {}, bytes(value)))));
}

function renderSummary() {
  const { summary } = data;
  byId('summary').hidden = !summary;
  if (!summary) return;
  say(byId('hit'), summary.hitRate === null ? '–' : percent(summary.hitRate));
  renderWanted('wanted', summary.bytes);
  byId('volumes').hidden = summary.volumeBytes.wanted === 0;
  renderWanted('volumes-wanted', summary.volumeBytes);
  fill(byId('moved'), movedBars(summary));
  say(byId('decisions'), count(summary.decisions));
  const { onBestNode, onOtherNode } = summary.boundPods;
  const bound = onBestNode + onOtherNode;
  say(byId('bound'), bound ? `${plural(bound, 'pod')} bound, ${percent(onBestNode / bound)} where points were highest` : 'no pod bound after one yet');
  const { observed, medianError } = summary.pulls;
  say(byId('pulls'), observed ? `${plural(observed, 'pull')} observed, predicted within ${percent(medianError)} in the median` : 'no pull observed yet');
  say(byId('index'), Object.entries(summary.index).map(([kind, size]) => `${count(size)} ${SIZES[kind] ?? kind}`).join(', '));
  say(byId('tab-nodes'), `Nodes ${count(summary.index.nodes ?? 0)}`);
}

// ---- tables -----------------------------------------------------------------------------------

// A column: key, title, of(row) to sort by, cell(row, all) to show; kind says how it is set.
function compare(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

function sorted(rows, columns) {
  const descending = state.sort.startsWith('-');
  const column = columns.find(({ key }) => key === state.sort.replace(/^-/, ''));
  if (!column) return rows;
  const keyed = rows.map((row) => [column.of(row), row]);
  keyed.sort((a, b) => (descending ? compare(b[0], a[0]) : compare(a[0], b[0])));
  return keyed.map(([, row]) => row);
}

function filtered(rows, textOf) {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = textOf(row).toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function toggleSort(column) {
  const first = column.numeric ? `-${column.key}` : column.key;
  const second = column.numeric ? column.key : `-${column.key}`;
  change({ sort: state.sort === first ? second : state.sort === second ? '' : first });
}

function headCell(column) {
  const order = state.sort === column.key ? 'ascending' : state.sort === `-${column.key}` ? 'descending' : undefined;
  const button = el('button', { type: 'button', title: column.help, onclick: () => toggleSort(column) }, column.title);
  return el('th', { scope: 'col', class: column.kind, 'aria-sort': order }, button);
}

function cell(column, row, all) {
  const shown = [column.cell(row, all)].flat();
  const isBlank = shown.every((part) => part === '' || part === '–' || part === null);
  const made = el('td', { class: `${column.kind ?? ''}${isBlank ? ' blank' : ''}`, 'data-label': column.title }, shown);
  return made;
}

let head = '';
const shownRows = new Map();

// Rows that did not change keep their elements, and with them focus and selected text.
function renderRows(body, view, rows) {
  const focused = document.activeElement?.closest?.('tbody tr')?.dataset.key;
  const keys = new Set();
  let place = body.firstElementChild;
  for (const row of rows) {
    const key = view.key(row);
    if (keys.has(key)) continue;
    keys.add(key);
    const signature = JSON.stringify([row, view.signature]);
    let shown = shownRows.get(key);
    if (shown?.signature !== signature) {
      const element = shown?.element ?? el('tr', { 'data-key': key });
      const href = view.href?.(row);
      if (href) element.dataset.href = href;
      element.className = view.rowClass?.(row) ?? '';
      element.replaceChildren(...view.columns.map((column) => cell(column, row, view)));
      shown = { element, signature };
      shownRows.set(key, shown);
    }
    if (shown.element === place) place = place.nextElementSibling;
    else body.insertBefore(shown.element, place);
  }
  for (const [key, shown] of shownRows) if (!keys.has(key)) { shown.element.remove(); shownRows.delete(key); }
  const lost = focused && document.activeElement === document.body;
  if (lost) shownRows.get(focused)?.element.querySelector('a')?.focus();
}

function renderTable(view) {
  const table = byId('table');
  const newHead = JSON.stringify([state.view, state.pod, state.at, state.sort, view.columns.length]);
  if (head !== newHead || !table.tHead) {
    const focused = document.activeElement?.closest?.('th')?.cellIndex;
    shownRows.clear();
    fill(table, el('thead', {}, el('tr', {}, view.columns.map(headCell))), el('tbody'));
    if (focused >= 0) table.querySelectorAll('th button')[focused]?.focus();
    head = newHead;
    renderSorter(view.columns);
  }
  const matching = sorted(filtered(view.rows, view.text), view.columns);
  const most = state.all ? matching.length : ROWS_MAX;
  renderRows(table.tBodies[0], view, [...(view.pinned?.(matching.slice(most)) ?? []), ...matching.slice(0, most)]);
  table.hidden = matching.length === 0;
  say(byId('shown'), state.filter ? `${count(matching.length)} of ${count(view.rows.length)}` : plural(view.rows.length, ...view.noun));
  const more = byId('more');
  more.hidden = matching.length <= most;
  say(more, `Show all ${count(matching.length)} rows`);
  const empty = byId('empty');
  empty.hidden = matching.length > 0;
  say(empty, view.rows.length > 0 ? 'No row matches the filter.' : view.empty);
}

function renderSorter(columns) {
  const options = columns.flatMap((column) => [[column.key, `${column.title} ↑`], [`-${column.key}`, `${column.title} ↓`]]);
  fill(byId('sorter'), [['', 'as given'], ...options].map(([value, text]) => el('option', { value }, text)));
  byId('sorter').value = state.sort;
}

const waiting = () => (failing ? 'No answer: see the last error above.' : 'Loading …');
const column = (key, title, of, show, more = {}) => ({ key, title, of, cell: show, ...more });
const right = { kind: 'right', numeric: true };

// ---- recent decisions -------------------------------------------------------------------------

const chosenRow = (decision) => decision.nodes.find((node) => node.node === decision.chosen);
const podName = (decision) => `${decision.pod.namespace}/${decision.pod.name}`;
const decisionLink = (decision) => linkTo('decision', { pod: podName(decision), at: decision.at });

function remarks(decision) {
  const chosen = chosenRow(decision);
  return [
    decision.neutral && tag(`neutral: ${NEUTRAL[decision.neutral] ?? decision.neutral}`, decision.neutral),
    !decision.sent && tag('shadow', 'Decided and remembered, but the scheduler got an empty answer.'),
    decision.home && decision.home === decision.chosen && tag('home', REASONS.home[1]),
    chosen && chosen.points < decision.nodes[0].points && tag('not the best', 'The scheduler weighed other things too.'),
    decision.chosen && !chosen && !decision.neutral && tag('node unknown then', 'The node was not in the index, or not among the candidates.'),
  ].filter(Boolean).flatMap((made) => [made, ' ']);
}

function decisionColumns() {
  const moved = (decision) => chosenRow(decision)?.missingBytes ?? -1;
  const ofRows = (text) => (decision) => (decision.candidates > 0 ? text(decision) : '–');
  return [
    column('time', 'Time', (d) => d.at, (d) => el('time', { datetime: d.at, title: d.at }, clockTime(d.at)), { kind: 'nowrap', numeric: true }),
    column('pod', 'Pod', podName, (d) => [el('span', { class: 'dim' }, `${d.pod.namespace}/`), el('a', { href: decisionLink(d) }, d.pod.name)], { kind: 'name' }),
    column('node', 'Bound to', (d) => d.chosen ?? '', (d) => (d.chosen ? clipped(d.chosen) : el('span', { class: 'dim' }, 'not bound yet')), { kind: 'name' }),
    column('points', 'Points', (d) => chosenRow(d)?.points ?? -1, (d) => pointsCell(d), { ...right, help: 'Points of the chosen node, and the most any candidate got' }),
    column('moved', 'Moves there', moved, (d) => (chosenRow(d) ? bytes(moved(d)) : '–'), { ...right, help: 'Bytes of images to move to the chosen node' }),
    column('best', 'To best', (d) => d.bestBytes, ofRows((d) => bytes(d.bestBytes)), { ...right, help: 'Bytes of images that the candidate that needs least would have moved' }),
    column('median', 'To median', (d) => d.medianBytes, ofRows((d) => bytes(d.medianBytes)), { ...right, help: 'Bytes of images that the median candidate would have moved' }),
    column('versus', 'Chosen / median', (d) => d.medianBytes - Math.max(0, moved(d)), (d, view) => versus(d, view.most), { kind: 'graph', numeric: true, help: 'Bytes of images to the chosen node over those to the median candidate' }),
    column('candidates', 'Nodes', (d) => d.candidates, (d) => count(d.candidates), { ...right, help: 'Known candidates' }),
    column('remarks', 'Remarks', (d) => d.neutral ?? '', remarks, { kind: 'wide' }),
  ];
}

function pointsCell(decision) {
  const chosen = chosenRow(decision);
  if (!chosen) return '–';
  return [chosen.points, el('span', { class: 'dim' }, ` / ${decision.nodes[0].points}`)];
}

function versus(decision, most) {
  const chosen = chosenRow(decision);
  if (!chosen) return '';
  return el('div', { class: 'versus', 'aria-hidden': 'true' },
    el('i', { class: 'move', width: share(chosen.missingBytes, most) }), el('i', { width: share(decision.medianBytes, most) }));
}

function decisionsView() {
  const rows = data.decisions?.items ?? [];
  const most = greatest(rows, (d) => Math.max(d.medianBytes, chosenRow(d)?.missingBytes ?? 0));
  return {
    rows, most, signature: [most, state.paused], columns: decisionColumns(), noun: ['recent decision'],
    key: (d) => `${d.pod.uid} ${d.at}`,
    href: decisionLink,
    text: (d) => `${podName(d)} ${d.chosen ?? ''} ${d.neutral ?? ''} ${d.sent ? '' : 'shadow'}`,
    empty: !data.decisions ? waiting() : data.summary && !data.summary.ready ? 'Nothing is decided until the server is ready.' : 'No step pod has been decided on yet. If pods are being scheduled and nothing shows here, kube-scheduler does '
      + 'not call this extender, or its pods do not count as step pods: dunnage_requests_total in the metrics tells which.',
  };
}

// ---- one decision -----------------------------------------------------------------------------

// Several decisions of one pod are told apart by their time; the newest comes first.
function openDecision() {
  if (data.decisionOf !== state.pod) return undefined;
  const items = data.decision?.items ?? [];
  return state.at ? items.find((item) => item.at === state.at) : items[0];
}

function verdictWords(decision) {
  const chosen = chosenRow(decision);
  const best = decision.nodes[0];
  const words = [];
  if (decision.neutral) words.push(`No node was preferred: ${NEUTRAL[decision.neutral] ?? decision.neutral}.`);
  if (chosen) {
    const highest = chosen.points === best.points ? 'the highest' : `the highest were ${best.points}`;
    words.push(`Bound to ${chosen.node} with ${plural(chosen.points, 'point')}, ${highest}; ${ofImages(chosen.missingBytes)} to move there${chosen.streamBytes ? `, and ${bytes(chosen.streamBytes)} of volumes` : ''}.`);
    words.push(`Of ${plural(decision.candidates, 'candidate')} the best would have moved ${ofImages(decision.bestBytes)}, the median ${bytes(decision.medianBytes)}.`);
  } else if (best) {
    words.push(decision.chosen ? `Bound to ${decision.chosen}, which was not among the known candidates.` : 'Not bound yet.');
    words.push(`Of ${plural(decision.candidates, 'candidate')} the best would move ${ofImages(decision.bestBytes)}, the median ${bytes(decision.medianBytes)}.`);
  } else {
    words.push(decision.chosen ? `Bound to ${decision.chosen}.` : 'Not bound yet.');
  }
  words.push(...runWords(decision.run), ...laterWords(decision.later));
  if (decision.home) words.push(`Home of pods of this kind: ${decision.home}.`);
  if (decision.unknownNodes) words.push(`${plural(decision.unknownNodes, 'candidate was', 'candidates were')} not in the index and got the points of a cold, idle node.`);
  if (!decision.sent) words.push('Shadow: the scheduler got an empty answer.');
  return words.join(' ');
}

function runWords(run) {
  if (!run) return [];
  const step = run.step ? `, step ${run.step}` : '';
  const volumes = [['reads', run.needs, run.needsSource], ['makes', run.produces, run.producesSource]].filter(([, list]) => list.length > 0)
    .map(([verb, list, source]) => ` It ${verb} ${plural(list.length, 'volume')} (told by ${source}).`);
  const told = run.run ? `Run ${run.run}${step} (told by ${run.source}).` : '';
  const malformed = run.malformed ? ` Malformed: ${run.malformed}.` : '';
  return [`${told}${volumes.join('')}${malformed}`.trim()].filter(Boolean);
}

function laterWords(later) {
  if (!later) return [];
  const told = later.source === 'annotation' ? 'as the pod says' : 'as its pods that are not bound yet say';
  return later.wanted.filter((wanted) => wanted.bytes).map((wanted) =>
    `Later steps of the run want ${ofImages(wanted.bytes)} more on ${wanted.platform} (${told}), ${seconds(wanted.coldSeconds)} on a cold node.`);
}

// Platforms on which the same is wanted and known are shown as one.
function wantedGroups(decision) {
  const groups = new Map();
  for (const wanted of decision.wanted) {
    const key = JSON.stringify({ ...wanted, platform: '' });
    groups.set(key, [...(groups.get(key) ?? []), wanted]);
  }
  return [...groups.values()].map((group) => [group.map(({ platform }) => platform).join(', '), group[0]]);
}

function smallTable(titles, isRight, rows) {
  const heads = titles.map((title) => el('th', { scope: 'col', class: isRight.includes(title) ? 'right' : '' }, title));
  return el('div', { class: 'scroll' }, el('table', {}, el('thead', {}, el('tr', {}, heads)), el('tbody', {}, rows)));
}

function wantedTable(decision) {
  const titles = ['Image', 'Pull policy', 'Layers', 'Bytes', 'What is known'];
  const rows = wantedGroups(decision).flatMap(([platforms, wanted]) => [
    el('tr', {}, el('td', { class: 'name' }, el('strong', {}, platforms)), el('td', { class: 'blank' }), el('td', { class: 'blank' }),
      el('td', { class: 'right', 'data-label': titles[3] }, el('strong', {}, bytes(wanted.bytes))),
      el('td', { class: 'dim wide' }, wanted.bytes ? `shared layers once; ${seconds(wanted.coldSeconds)} on a cold, idle node` : '')),
    ...wanted.images.map((image) => el('tr', {},
      el('td', { class: 'name', title: image.digest }, image.reference),
      el('td', { class: 'nowrap', 'data-label': titles[1] }, image.pullPolicy),
      el('td', { class: 'right', 'data-label': titles[2] }, image.layers ?? '–'),
      el('td', { class: 'right', 'data-label': titles[3] }, dash(image.bytes, bytes)),
      el('td', { class: 'wide' }, image.reason))),
  ]);
  return smallTable(titles, ['Layers', 'Bytes'], rows);
}

const SIZES_TOLD = { policy: ' assumed', pod: ' told by a pod', node: '' };

function whereVolume(volume) {
  const arriving = volume.arriving ? `, on its way to ${count(volume.arriving)}` : '';
  const nodes = volume.holders || volume.arriving ? `on ${plural(volume.holders, 'node')}${arriving}` : 'on no node';
  return `${nodes}, ${volume.fallback === 'none' ? 'nowhere else' : `else from the ${volume.fallback.replace('-', ' ')}`}`;
}

function volumesTable(decision) {
  const titles = ['Volume', 'Kind', 'Bytes', 'Cold', 'Where it can be had'];
  const rows = decision.volumes.map((volume) => {
    const repeated = volume.sizeFrom === 'repeated';
    const told = el('span', { class: 'dim' }, SIZES_TOLD[volume.sizeFrom] ?? '');
    return el('tr', {}, el('td', { class: 'name' }, volume.key),
      el('td', { class: 'nowrap', 'data-label': titles[1] }, volume.kind.replace('-', ' ')),
      el('td', { class: `right${repeated ? ' blank' : ''}`, 'data-label': titles[2] }, repeated ? '–' : [bytes(volume.bytes), told]),
      el('td', { class: `right${repeated ? ' blank' : ''}`, 'data-label': titles[3], title: 'Seconds on a node without it, if nothing else is going on' }, repeated ? '–' : seconds(volume.coldSeconds)),
      el('td', { class: 'wide' }, repeated ? 'occurs before in this pod' : whereVolume(volume)));
  });
  return smallTable(titles, ['Bytes', 'Cold'], rows);
}

function placeWords(place, claim) {
  const pods = place.pods ? `, used by ${plural(place.pods, 'pod')}` : '';
  const most = place.disksMax !== undefined && claim.driver ? `, at most ${count(place.disksMax)} of ${claim.driver} there` : '';
  return `${place.state} on ${place.node}${pods}${most}`;
}

function claimsTable(decision) {
  const titles = ['Claim', 'Volume', 'Access', 'Where it is', 'Elsewhere', 'What is known'];
  const rows = decision.claims.map((claim) => el('tr', {}, el('td', { class: 'name' }, claim.claim),
    el('td', { class: 'long', 'data-label': titles[1] }, claim.volume ?? (claim.waitsForPod ? 'to be made where the pod goes' : 'no volume yet')),
    el('td', { class: 'nowrap', 'data-label': titles[2] }, claim.accessModes.join(', ') || '–'),
    el('td', { class: 'lines long', 'data-label': titles[3] }, claim.places.length ? claim.places.map((place) => el('span', {}, placeWords(place, claim))) : 'nowhere'),
    el('td', { class: 'right', 'data-label': titles[4], title: 'Seconds until it is attached to another node' }, seconds(claim.attachSeconds)),
    el('td', { class: 'wide' }, claim.reason)));
  return smallTable(titles, ['Elsewhere'], rows);
}

async function copyJson(decision, button) {
  const text = JSON.stringify(decision, null, 2);
  try {
    // Only there on https and on loopback.
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el('textarea', { readonly: '' });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy as JSON'; }, 1500);
}

function legend(decision) {
  const words = {
    wait: 'wait for pulls in progress', fetch: 'fetch what is missing', unpack: 'unpack it',
    stream: 'stream missing volumes, their price included', attach: 'attach disks',
    heat: 'step pods that wait there already',
    credit: 'credit, the thin line: pulls and streams that meeting there avoids',
  };
  const kinds = Object.keys(words).filter((kind) => hasColumn(kind, decision));
  return el('p', { class: 'legend' }, 'Seconds to ', kinds.map((kind) => el('span', { class: kind }, words[kind])),
    el('span', { class: 'cold' }, 'a cold, idle node'));
}

let shownArticle = '';

function renderArticle(decision) {
  const article = byId('decision');
  const signature = JSON.stringify([state.pod, state.at, decision ?? (data.decisionOf === state.pod), state.paused, data.decision?.items.length]);
  if (signature === shownArticle) return;
  shownArticle = signature;
  const back = el('a', { href: linkTo('decisions') }, '← Recent decisions');
  if (!decision) {
    fill(article, el('div', { class: 'head' }, back, el('h2', {}, state.pod)));
    return;
  }
  const others = data.decision.items.filter((item) => item.at !== decision.at);
  const copy = el('button', { type: 'button', onclick: () => copyJson(decision, copy) }, 'Copy as JSON');
  const json = el('a', { href: decisionPath(state.pod) }, 'JSON');
  fill(article,
    el('div', { class: 'head' }, back, el('h2', {}, el('span', { class: 'dim' }, `${decision.pod.namespace}/`), decision.pod.name),
      el('time', { class: 'dim', datetime: decision.at, title: decision.at }, clockTime(decision.at)), el('span', { class: 'actions' }, json, copy)),
    el('p', { class: 'verdict' }, verdictWords(decision)),
    others.length ? el('p', { class: 'small' }, 'This pod was decided on more than once: ', others.flatMap((item) => [el('a', { href: decisionLink(item) }, clockTime(item.at)), ' '])) : null,
    decision.wanted.length ? el('h3', {}, 'What the pod wants') : null,
    decision.wanted.length ? wantedTable(decision) : null,
    decision.volumes.length ? el('h3', {}, 'Volumes it needs') : null,
    decision.volumes.length ? volumesTable(decision) : null,
    decision.claims.length ? el('h3', {}, 'Disks it claims') : null,
    decision.claims.length ? claimsTable(decision) : null,
    decision.nodes.length ? el('h3', {}, 'Candidates') : null,
    decision.nodes.length ? legend(decision) : null);
}

// Most pods have no volumes: those two parts show where there is something to see.
function hasColumn(kind, decision) {
  return !['stream', 'attach'].includes(kind) || decision.nodes.some((node) => PARTS[kind](node) > 0);
}

function costBar(node, view) {
  const segments = Object.entries(PARTS).map(([part, of]) => el('i', { class: part, width: share(of(node), view.most) }));
  const { coldSeconds } = view.wantedOf(node);
  const cold = coldSeconds > 0 ? el('span', { class: 'cold', left: share(coldSeconds, view.most) }) : null;
  return el('div', { class: 'cost', 'aria-hidden': 'true' }, el('div', { class: 'row' }, segments),
    el('div', { class: 'row' }, el('i', { class: 'credit', width: share(creditOf(node), view.most) })), cold);
}

function reasonWords(node, view) {
  const wanted = view.wantedOf(node).bytes + view.volumeBytes;
  const has = wanted > 0 ? 1 - (movesOf(node) + arrivingOf(node)) / wanted : -1;
  const part = has < 0 ? [] : [has >= 1 ? 'has everything' : has <= 0 ? 'has nothing' : `has ${percent(has)}`];
  return [...part, ...node.reasons.map((name) => REASONS[name]?.[0] ?? name)].join(', ');
}

const PART_HELP = {
  stream: 'Seconds until missing volumes have come, and the price of bytes that cross a zone',
  attach: 'Seconds until the disks behind its claims are attached',
};

function candidateColumns(decision) {
  const second = (key, title, of, help) => column(key, title, of, (n) => dash(of(n), seconds), { ...right, help });
  const size = (key, title, of, help) => column(key, title, of, (n) => dash(of(n), bytes), { ...right, help });
  const parts = Object.entries(PARTS).filter(([part]) => hasColumn(part, decision));
  return [
    column('node', 'Node', (n) => n.node, (n) => clipped(n.node), { kind: 'name' }),
    column('points', 'Points', (n) => n.points * 100 + n.raw, (n) => [n.points, el('span', { class: 'dim' }, ` (${signed(n.raw)})`)], { ...right, help: 'As the scheduler got them, 0 to 10; in brackets on the policy’s curve, −10 to 10, against a cold, idle node' }),
    column('saved', 'Vs. cold', (n) => n.savedSeconds, (n) => seconds(n.savedSeconds), { ...right, help: 'Seconds against a cold, idle node, credit included; negative is a loss' }),
    column('bar', 'Cost', totalOf, costBar, { kind: 'graph', numeric: true }),
    second('cost', 'Total', totalOf, `Seconds: ${parts.map(([part]) => part).join(', ').replace(/, (?=\w+$)/, ' and ')} together`),
    ...parts.map(([part, of]) => second(part, part[0].toUpperCase() + part.slice(1), of, PART_HELP[part])),
    second('credit', 'Credit', creditOf, 'Seconds in its favour: pulls that meeting there avoids, that later steps of the run may follow, and that what they want is here; less the streams that meeting elsewhere would avoid'),
    size('missing', 'To move', movesOf, 'Bytes that placing the pod there moves, volumes included'),
    ...(decision.nodes.some((n) => arrivingOf(n) > 0) ? [size('arriving', 'Arriving', arrivingOf, 'Bytes it needs that are on their way there for other pods, volumes included')] : []),
    column('waiting', 'Pods', (n) => n.waitingPods, (n) => dash(n.waitingPods, count), { ...right, help: 'Step pods that wait there' }),
    column('reasons', 'In words', (n) => n.reasons.join(), (n, view) => [n.node === decision.chosen ? [tag('chosen'), ' '] : [], reasonWords(n, view)].flat(), { kind: 'wide' }),
  ];
}

function decisionView() {
  const decision = openDecision();
  renderArticle(decision);
  const rows = decision?.nodes ?? [];
  const wantedOf = (node) => decision.wanted[node.wanted] ?? { bytes: 0, coldSeconds: 0 };
  const volumeBytes = (decision?.volumes ?? []).reduce((sum, volume) => sum + (volume.sizeFrom === 'repeated' ? 0 : volume.bytes), 0);
  const most = greatest(rows, (node) => Math.max(totalOf(node), creditOf(node), wantedOf(node).coldSeconds));
  const missing = data.decisionOf === state.pod ? 'The server does not remember this decision (any more).' : waiting();
  return {
    rows, most, wantedOf, volumeBytes,
    signature: [most, decision?.chosen],
    columns: decision ? candidateColumns(decision) : [], noun: ['candidate'],
    key: (node) => node.node,
    rowClass: (node) => (node.node === decision.chosen ? 'chosen' : ''),
    pinned: (rest) => rest.filter((node) => node.node === decision?.chosen),
    text: (node) => `${node.node} ${node.reasons.join(' ')} ${reasonWords(node, { wantedOf, volumeBytes })}`,
    empty: decision ? 'There is no row per node, because no node was preferred to another.' : missing,
  };
}

function renderWords(view) {
  const words = byId('words');
  const names = state.view === 'decision' ? Object.keys(REASONS).filter((name) => view.rows.some((node) => node.reasons.includes(name))) : [];
  words.hidden = names.length === 0;
  if (words.dataset.names === names.join()) return;
  words.dataset.names = names.join();
  fill(words, names.flatMap((name) => [el('dt', {}, REASONS[name][0]), el('dd', {}, REASONS[name][1])]));
}

// ---- nodes, images and volumes -------------------------------------------------------------------------

const timeLeft = (node) => Math.max(0, ...node.pulls.map((pull) => pull.leftSeconds));

// What tells images apart is at the end of the name; the whole is in the title.
const shortReference = (text) => text.slice(text.lastIndexOf('/') + 1).replace(/(@sha\d+:.{12}).*/, '$1');

function pullWords(pull) {
  if (!pull.bytes) return 'size unknown';
  return `${bytes(pull.bytes)}, ${pull.leftSeconds > 0 ? `${seconds(pull.leftSeconds)} left` : 'due now'}`;
}

function pullLines(node) {
  if (node.pulls.length === 0) return '–';
  const line = (pull) => el('span', { title: pull.reference }, `${shortReference(pull.reference)} `, el('span', { class: 'dim' }, pullWords(pull)));
  const rest = node.pulls.slice(3);
  const more = rest.length ? [el('span', { class: 'dim', title: rest.map((pull) => pull.reference).join('\n') }, `and ${rest.length} more`)] : [];
  return el('div', { class: 'lines small' }, node.pulls.slice(0, 3).map(line), more);
}

function metered(value, most, text) {
  return [el('span', { class: 'meter', 'aria-hidden': 'true' }, el('i', { width: share(value, most) })), text];
}

function nodesView() {
  const rows = data.nodes?.items ?? [];
  const most = greatest(rows, (node) => node.imageBytes);
  const columns = [
    column('name', 'Node', (n) => n.name, (n) => clipped(n.name), { kind: 'name roomy' }),
    column('platform', 'Platform', (n) => n.platform, (n) => n.platform, { kind: 'nowrap' }),
    column('images', 'Images', (n) => n.images, (n) => [n.listCut ? [tag('list cut', REASONS['list-cut'][1]), ' '] : [], count(n.images)].flat(), right),
    column('bytes', 'Bytes', (n) => n.imageBytes, (n) => metered(n.imageBytes, most, bytes(n.imageBytes)), { ...right, help: 'Of all its images; layers that images share count in each' }),
    column('waiting', 'Waiting pods', (n) => n.waitingPods, (n) => dash(n.waitingPods, count), { ...right, help: 'Step pods that wait for images there' }),
    column('left', 'Pulls end in', timeLeft, (n) => dash(timeLeft(n), seconds), { ...right, help: 'Estimated seconds until the last pull is done' }),
    column('pulls', 'Pulls in progress', (n) => n.pulls.length, pullLines, { kind: 'wide', numeric: true }),
  ];
  return {
    rows, columns, signature: most, noun: ['node'],
    key: (node) => node.name,
    text: (node) => `${node.name} ${node.platform} ${node.listCut ? 'list cut' : ''} ${node.pulls.map((pull) => pull.reference).join(' ')}`,
    empty: data.nodes ? 'No node is known.' : waiting(),
  };
}

const shortDigest = (digest) => digest.replace(/^sha\d+:(.{12}).*/, '$1');

function imageName(image) {
  const first = image.references[0] ?? image.digests[0] ?? 'no name';
  const rest = image.references.slice(1);
  return rest.length ? [first, ' ', el('span', { class: 'dim', title: rest.join('\n') }, `and ${plural(rest.length, 'more name')}`)] : first;
}

function imagesView() {
  const rows = data.images?.items ?? [];
  const nodes = data.summary?.index.nodes ?? 0;
  const most = greatest(rows, (image) => image.bytes);
  const columns = [
    column('name', 'Image', (i) => i.references[0] ?? i.digests[0] ?? '', imageName, { kind: 'name' }),
    column('digest', 'Digest', (i) => i.digests[0] ?? '', (i) => (i.digests[0] ? el('code', { class: 'dim', title: i.digests.join('\n') }, shortDigest(i.digests[0])) : '–'), { kind: 'nowrap' }),
    column('platform', 'Platform', (i) => i.platform, (i) => i.platform, { kind: 'nowrap' }),
    column('layers', 'Layers', (i) => i.layers ?? -1, (i) => i.layers ?? '–', { ...right, help: 'A dash where the layers are unknown: the image counts as a whole' }),
    column('bytes', 'Bytes', (i) => i.bytes, (i) => metered(i.bytes, most, bytes(i.bytes)), { ...right, help: 'Compressed; where layers are unknown, the size that nodes report' }),
    column('nodes', 'Nodes with all', (i) => i.nodes, (i) => metered(i.nodes, nodes, count(i.nodes)), right),
    column('base', 'With base', (i) => i.nodesWithBase, (i) => count(i.nodesWithBase), { ...right, help: 'Nodes that hold its base layer at least' }),
  ];
  return {
    rows, columns, signature: [most, nodes], noun: ['image'],
    key: (image) => `${image.digests[0] ?? image.references[0]} ${image.platform}`,
    text: (image) => `${image.references.join(' ')} ${image.digests.join(' ')} ${image.platform}`,
    empty: data.images ? 'No image is known: no node reports one, and no manifests were given.' : waiting(),
  };
}

// RFC 3339 in UTC sorts as text.
const lastUse = (volume) => volume.holders.reduce((last, { lastUsed = '' }) => (lastUsed > last ? lastUsed : last), '');

function holderLines(volume) {
  const words = (holder) => [holder.users ? `used by ${plural(holder.users, 'pod')}` : holder.lastUsed && `last used ${clockTime(holder.lastUsed)}`, !holder.reported && 'not reported'].filter(Boolean).join(', ');
  const line = (holder) => el('span', {}, `${holder.node} `, el('span', { class: 'dim' }, words(holder)));
  const rest = volume.nodes - Math.min(3, volume.holders.length);
  const more = rest > 0 ? [el('span', { class: 'dim', title: volume.holders.slice(3).map(({ node }) => node).join('\n') }, `and ${count(rest)} more`)] : [];
  const comes = volume.arriving.map(({ node, from }) => el('span', { class: 'dim' }, `on its way to ${node}${from ? ` from ${from}` : ''}`));
  const lines = [...volume.holders.slice(0, 3).map(line), ...more, ...comes.slice(0, 3)];
  return lines.length ? el('div', { class: 'lines small' }, lines) : '–';
}

function volumesView() {
  const rows = data.volumes?.items ?? [];
  const most = greatest(rows, (volume) => volume.bytes ?? 0);
  const columns = [
    column('key', 'Volume', (v) => v.key, (v) => v.key, { kind: 'name' }),
    column('kind', 'Kind', (v) => v.kind, (v) => v.kind.replace('-', ' '), { kind: 'nowrap' }),
    column('bytes', 'Bytes', (v) => v.bytes ?? -1, (v) => (v.bytes === undefined ? '–' : metered(v.bytes, most, `${bytes(v.bytes)}${v.measured ? '' : ' told'}`)), { ...right, help: 'As an agent measured them, or as a pod told' }),
    column('nodes', 'Nodes', (v) => v.nodes, (v) => count(v.nodes), { ...right, help: 'Nodes that hold it' }),
    column('used', 'Last used', lastUse, (v) => (lastUse(v) ? el('time', { datetime: lastUse(v), title: lastUse(v) }, clockTime(lastUse(v))) : '–'), { kind: 'nowrap', numeric: true, help: 'On any node, as of the agents’ last reports' }),
    column('holders', 'Where', (v) => v.holders[0]?.node ?? '', holderLines, { kind: 'wide' }),
  ];
  return {
    rows, columns, signature: most, noun: ['volume'],
    key: (volume) => volume.key,
    text: (volume) => `${volume.key} ${volume.kind} ${volume.holders.map(({ node }) => node).join(' ')} ${volume.arriving.map(({ node }) => node).join(' ')}`,
    empty: data.volumes ? 'No volume is known: no agent reports one, and no pod names one.' : waiting(),
  };
}

// ---- putting it together ----------------------------------------------------------------------

const VIEW_OF = { decisions: decisionsView, decision: decisionView, nodes: nodesView, images: imagesView, volumes: volumesView };

function render() {
  renderHeader();
  renderSummary();
  for (const name of VIEWS) {
    const tab = byId(`tab-${name}`);
    tab.href = linkTo(name);
    if (state.view === name || (name === 'decisions' && state.view === 'decision')) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
  byId('decision').hidden = state.view !== 'decision';
  const filter = byId('filter');
  if (filter.value !== state.filter) filter.value = state.filter;
  const view = VIEW_OF[state.view]();
  renderTable(view);
  renderWords(view);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches('input, select, textarea');
  if (event.key === 'Escape' && typing) {
    change({ filter: '' });
    event.target.blur();
  } else if (event.key === 'Escape' && state.view === 'decision') {
    go(linkTo('decisions'));
  } else if (!typing) {
    const view = VIEWS[Number(event.key) - 1];
    const act = { '/': () => byId('filter').focus(), p: togglePause, r: refresh }[event.key] ?? (view && (() => go(linkTo(view))));
    if (!act) return;
    event.preventDefault();
    act();
  }
}

function togglePause() {
  change({ paused: !state.paused });
  if (!state.paused) refresh();
  else clearTimeout(timer);
}

function onRowClick(event) {
  const row = event.target.closest('tr[data-href]');
  if (row && !event.target.closest('a') && String(getSelection()) === '') go(row.dataset.href);
}

function start() {
  addEventListener('hashchange', () => {
    const before = state;
    state = readState();
    render();
    if (before.view !== state.view || before.pod !== state.pod) {
      scrollTo(0, 0);
      refresh();
    }
  });
  document.addEventListener('keydown', onKey);
  document.addEventListener('visibilitychange', () => { if (!document.hidden && !state.paused) refresh(); });
  byId('pause').addEventListener('click', togglePause);
  byId('now').addEventListener('click', refresh);
  byId('more').addEventListener('click', () => change({ all: true }));
  byId('filter').addEventListener('input', (event) => change({ filter: event.target.value }));
  byId('sorter').addEventListener('change', (event) => change({ sort: event.target.value }));
  byId('table').addEventListener('click', onRowClick);
  setInterval(renderAge, 1000);
  render();
  refresh();
}

start();
