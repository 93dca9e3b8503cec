//! Every budget for hostile or broken input, with the reason for its number. Nothing is inlined elsewhere.

/// A DSSE envelope: 16 KiB of payload is 22 KiB of base64; the rest is room for signatures.
pub const ENVELOPE_BYTES: u64 = 256 * 1024;

/// The payload that is signed. A statement names digests, never content, so it stays small enough to read aloud.
pub const PAYLOAD_BYTES: usize = 16 * 1024;

/// Signatures looked at in one envelope; more than any threshold, few enough to verify in a few milliseconds.
pub const SIGNATURES: usize = 64;

/// Keys in one trust root, all roles and channels together.
pub const KEYS: usize = 128;

/// Steps from the newest known trust root to the newest one of a bundle: TUF clients use 256 to 1024.
pub const ROOT_STEPS: u32 = 256;

/// A release: the list of entries and sources, not their content.
pub const RELEASE_BYTES: u64 = 8 * 1024 * 1024;

/// An inventory: a million blobs at about 200 bytes a line.
pub const INVENTORY_BYTES: u64 = 256 * 1024 * 1024;

/// Blobs in one inventory.
pub const BLOBS: usize = 1_000_000;

/// Blobs in one directory of a medium; FAT grows slow beyond it, so more are written as tars.
pub const BLOBS_PER_DIRECTORY: usize = 10_000;

/// Trust roots that lie on one medium: four digits of a file's name.
pub const ROOTS: usize = 9_999;

/// `volume.json`, a handful of words.
pub const VOLUME_LABEL_BYTES: u64 = 4 * 1024;

/// A want-list: as many digests as an inventory has blobs, with their sizes.
pub const WANT_LIST_BYTES: u64 = 128 * 1024 * 1024;

/// Files and directories of a medium that are looked at to find bundles; a stick full of photographs ends here.
pub const MEDIUM_CHILDREN: usize = 10_000;

/// Directories of one medium that are watched for a bundle to arrive. The kernel has some 8,000 watches for a user on
/// a small machine, and each directory may take four.
pub const WATCHED_CHILDREN: usize = 256;

/// Zeros after the end of a tar: GNU tar pads to 20 blocks, and takes blocking factors up to 2048.
pub const TAR_PADDING_BYTES: u64 = 1024 * 1024;

/// Media that are taken for volumes of one bundle: 50 GB on CDs are 70.
pub const VOLUMES: usize = 1_000;

/// FAT32 keeps a file's size in 32 bits; one byte less than 4 GiB is the largest file.
pub const FAT_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024 - 1;

/// Nesting of JSON in signed documents. The deepest of ours, a site schema, stays below 20.
pub const JSON_DEPTH: usize = 64;

/// How far the sequence may jump in one acceptance without the operator's word, so that a stolen key cannot burn the counter.
pub const SEQUENCE_JUMP: u64 = 10_000;

/// How far `created` may lie ahead of the clock; one day covers time zones and a drifting clock.
pub const CREATED_AHEAD_SECONDS: i64 = 24 * 60 * 60;

/// How far `created` may lie ahead of the time floor where the clock is behind it: no stick travels longer.
pub const FLOOR_AHEAD_SECONDS: i64 = 5 * 366 * 24 * 60 * 60;

/// A latest card fits a QR code.
pub const CARD_BYTES: usize = 1_000;

/// A manifest or an index of images: what registries take at most.
pub const OCI_DOCUMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Indexes within indexes: the specification allows any depth, and nobody has three.
pub const OCI_INDEX_DEPTH: usize = 4;

/// Blobs of one image, all platforms together: layers end at 127, platforms at a few dozen.
pub const OCI_IMAGE_BLOBS: usize = 20_000;

/// Entries of one archive (a tree or a chart): Linux's own sources have 90,000 files.
pub const ARCHIVE_ENTRIES: usize = 200_000;

/// One file of an archive that is read into memory to be rendered.
pub const ARCHIVE_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A path in an archive or on a medium: PATH_MAX is 4096, and Git refuses nothing below it.
pub const PATH_BYTES: usize = 4096;

/// One name of a path.
pub const PATH_NAME_BYTES: usize = 255;

/// Depth of an archive path: deeper trees exist only to exhaust something.
pub const PATH_DEPTH: usize = 64;

/// Unpacked size over packed size of a zstd blob; text trees reach 30, a bomb reaches 10,000.
pub const EXPANSION_RATIO: u64 = 400;

/// What may be unpacked whatever it was packed to: a small tree of empty files shrinks a thousandfold, and harms nobody.
pub const EXPANSION_FREE_BYTES: u64 = 1024 * 1024;

/// One pax header: two paths and a handful of times; the rest is room for extended attributes, which are skipped.
pub const PAX_BYTES: u64 = 64 * 1024;

/// Symbolic links followed for one path inside a tree: Linux follows 40.
pub const SYMLINK_STEPS: usize = 40;

/// Window of a zstd frame: 2^27 is what the reference decoder allows by default.
pub const ZSTD_WINDOW_LOG: u32 = 27;

/// One YAML input. The largest real manifest in use (Argo Workflows' CRDs) has 12 MB.
pub const YAML_BYTES: usize = 64 * 1024 * 1024;

/// Nesting of YAML: go-yaml's own limit for flow and block levels.
pub const YAML_DEPTH: usize = 10_000;

/// Nesting of a YAML value, aliases expanded. Whatever walks or drops a value takes a frame or two a level, and this
/// many fit the smallest stack of a thread; the deepest real object, a schema within a CRD, stays below 100.
pub const YAML_VALUE_DEPTH: usize = 1_000;

/// Nodes of one YAML input after alias expansion.
pub const YAML_NODES: usize = 10_000_000;

/// Documents of one YAML input.
pub const YAML_DOCUMENTS: usize = 100_000;

/// Steps of one chart's render. Forty thousand includes of a usual helper are 640,000; this many take ten seconds.
pub const TEMPLATE_STEPS: u64 = 100_000_000;

/// Bytes that one chart's templates may write, and that their functions may return as texts. The largest chart that we
/// know renders to 5 MB.
pub const TEMPLATE_BYTES: u64 = 256 * 1024 * 1024;

/// Templates within templates: Helm ends a helper that includes itself at 1,000.
pub const TEMPLATE_DEPTH: u32 = 4_000;

/// Texts that are kept parsed while a chart is rendered; one that makes up more of them has them parsed again.
pub const TEMPLATE_TEXTS: usize = 4_096;

/// Texts that `fromYaml` has read and that are kept read while a chart is rendered.
pub const TEMPLATE_READS: usize = 256;

/// How long they may be, all together.
pub const TEMPLATE_READ_BYTES: usize = 256 * 1024;

/// Stack that nested templates may take. The smallest stack of a thread in use has 2 MiB, and an `include` takes 3.5 KiB
/// of it, so that 300 fit; who renders charts that nest deeper does so on a thread that has more, and says so.
pub const TEMPLATE_STACK_BYTES: usize = 1024 * 1024;

/// What a message shows of a value.
pub const TEMPLATE_MESSAGE_BYTES: u64 = 64 * 1024;

/// What a message shows of the source where a template failed; there is one for each template that included it.
pub const TEMPLATE_NODE_BYTES: usize = 16 * 1024;

/// Blocks and parentheses within each other in a template's text: people write twenty, Go takes 10,000 parentheses.
pub const TEMPLATE_NESTING: usize = 200;

/// Lists and maps within each other where one is printed: whoever prints a map that holds itself ends here.
pub const TEMPLATE_PRINT_DEPTH: usize = 300;

/// Objects that one entry may render to: Flux' inventory and etcd end long before it.
pub const RENDERED_OBJECTS: usize = 50_000;

/// Nodes of one Kustomize build, patches and copies included: 12 MB of definitions have 800,000, and each takes 72 bytes.
pub const KUSTOMIZE_NODES: usize = 5_000_000;

/// Kustomizations within kustomizations: the deepest real tree has eight levels.
pub const KUSTOMIZE_DEPTH: usize = 64;

/// Charts that one build renders: each of them has a whole render's budget, and real trees name a handful.
pub const KUSTOMIZE_CHARTS: usize = 256;

/// Entries of one release.
pub const ENTRIES: usize = 10_000;

/// A condition's message, as Kubernetes validates it.
pub const CONDITION_MESSAGE_BYTES: usize = 32_768;

/// Bytes that are read or written at once: large enough that a system call is cheap, small enough for a cache.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Share of the disk that an import leaves free, in percent: OSTree keeps 3.
pub const FREE_PERCENT: u64 = 3;

/// The agent's loop gives a sign with every step. Rendering the largest chart that we know takes two seconds; a minute
/// without a sign, beside what an entry may wait for, is a hang.
pub const SILENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A list of allowed signers is written by people for one organisation.
pub const ALLOWED_SIGNERS: usize = 10_000;

/// A compiled regular expression of a template or a selector: `\pL{100}` needs about a fiftieth of it, and nobody writes by hand what
/// needs more.
pub const REGEXP_BYTES: usize = 32 * 1024 * 1024;

/// Parentheses inside each other in the translated form of a regular expression; Go stops at 1,000, each of which
/// becomes at most three.
pub const REGEXP_DEPTH: u32 = 3_100;

/// Compiled regular expressions that one render keeps: a chart has a few dozen.
pub const REGEXP_CACHE: usize = 256;

/// Arrays and inline tables within each other in the TOML that a template reads.
pub const TOML_DEPTH: usize = 200;

/// Lists and maps within each other that a function of templates walks: charts nest a dozen, and each level takes a few
/// kilobytes of stack where nothing is optimised.
pub const VALUE_DEPTH: usize = 200;

/// One file of a chart: Helm's own limit.
pub const CHART_FILE_BYTES: u64 = 5 * 1024 * 1024;

/// All files of a chart: Helm's own limit.
pub const CHART_BYTES: u64 = 100 * 1024 * 1024;

/// All archives of a chart and of the charts within it, unpacked: an archive may hold archives.
pub const CHART_TOTAL_BYTES: u64 = 512 * 1024 * 1024;

/// Charts within charts: umbrellas of umbrellas have four.
pub const CHART_DEPTH: usize = 32;

/// The largest index of `--set`: Helm's own limit.
pub const SET_INDEX: usize = 65_536;

/// Indexes behind indexes of `--set`; nobody has lists within lists within lists.
pub const SET_INDEXES: usize = 256;

/// Names within names of `--set`: Helm's own limit.
pub const SET_DEPTH: usize = 30;

/// How often a template may include itself: Helm's own limit.
pub const INCLUDE_DEPTH: u32 = 1_000;

/// A record of a release, unpacked. Packed and encoded it has to fit a Secret of 1 MiB.
pub const RECORD_BYTES: u64 = 64 * 1024 * 1024;

/// Connections that the mirror, or the listener of metrics, answers at once; containerd pulls some layers in parallel for
/// each image, and the rest waits in the kernel's queue.
pub const CONNECTIONS: usize = 128;

/// The first lines of a request to them.
pub const REQUEST_HEAD_BYTES: usize = 16 * 1024;
/// What a server of tokens answers: tokens end at some 16 KiB, since they travel in a header.
pub const TOKEN_BYTES: u64 = 64 * 1024;

/// What is read of a server's words about what went wrong.
pub const SERVER_WORDS_BYTES: u64 = 4 * 1024;

/// A docker configuration file: a line or two for each registry that there is.
pub const CREDENTIALS_BYTES: u64 = 1024 * 1024;

/// A file of authorities in PEM: the whole list of a distribution has 220 KB.
pub const AUTHORITIES_BYTES: u64 = 4 * 1024 * 1024;

/// How often one request may be sent on: to a storage, to its nearest copy.
pub const REDIRECTS: usize = 4;

/// How often a pull of one blob is begun again in a row without much having come.
pub const RECONNECTS: u32 = 3;

/// How long a connection may take, its handshake included.
pub const CONNECT: std::time::Duration = std::time::Duration::from_secs(10);

/// How long an answer may take to begin, and may pause: registries that fetch from a slow storage take some seconds.
pub const SERVER_PAUSE: std::time::Duration = std::time::Duration::from_secs(30);

/// How long a small document may take to come whole.
pub const SERVER_DOCUMENT: std::time::Duration = std::time::Duration::from_secs(60);

/// Over how long the rate of a pull is taken.
pub const SERVER_WINDOW: std::time::Duration = std::time::Duration::from_secs(60);

/// The least that a server has to send in that time: a satellite link at 9,600 baud gives 70 KB.
pub const SERVER_WINDOW_BYTES: u64 = 32 * 1024;

/// What a Git server may say before a pack: a million refs at 60 bytes.
pub const GIT_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// How long a Git server may count before a pack begins; it says that it does every few seconds.
pub const GIT_ANSWER: std::time::Duration = std::time::Duration::from_secs(600);

/// What is asked of a Git server at once: a ref, and the commits that are here.
pub const GIT_QUESTION_BYTES: usize = 256 * 1024;

/// Commits that a Git server is told of.
pub const GIT_HAVES: usize = 256;

/// One pack as it comes.
pub const GIT_PACK_BYTES: u64 = 32 * 1024 * 1024 * 1024;

/// Objects of one pack: Linux has ten million in twenty years, a site's repository some ten thousand.
pub const GIT_OBJECTS: u32 = 4_000_000;

/// All objects of one pack unpacked, differences counted with what they make.
pub const GIT_UNPACKED_BYTES: u64 = 128 * 1024 * 1024 * 1024;

/// One file in Git. It is unpacked in memory; what is larger travels in parts, and belongs into a registry.
pub const GIT_OBJECT_BYTES: u64 = 256 * 1024 * 1024;

/// A commit, a tag, one directory of a tree.
pub const GIT_DOCUMENT_BYTES: u64 = 16 * 1024 * 1024;

/// The library's single allocations while it puts a pack together: a file, or its list of all objects.
pub const GIT_ALLOCATION_BYTES: usize = 512 * 1024 * 1024;

/// Differences on top of each other: Git itself writes at most 4095, and 50 by default.
pub const GIT_DELTA_DEPTH: u32 = 4_095;

/// Packs of one repository; beyond them it is fetched anew as one.
pub const GIT_PACKS: usize = 64;

/// Commits between what was accepted and what is new.
pub const GIT_COMMITS: usize = 1_000_000;

/// Lines before the pack of a file that `git bundle` made.
pub const GIT_BUNDLE_LINES: usize = 100_000;
