# Documents that several people write in: updates numbered without a gap however
# often they are sent, snapshots, named states, locks whose fences rise, and who
# is there is told all of it in order.

use FindBin;
use lib $FindBin::Bin;

use MIME::Base64;
use Pando;
use Pando::Routes;
use Pando::Server;
use Talk;

my $redis = Pando::Server->redis;
my $t = Pando::Routes->new('realtime', workers => 2, redis => $redis->socket,
    http => 'pando_set realtime.connections 1000;');
my $p = $t->{p};
my $me = '01939bd0-0000-7000-8000-000000000001';
my $other = '01939bd0-0000-7000-8000-000000000002';
my ($mine, $theirs) = map { $p->token(sub => $_, scope => 'realtime:write') } $me, $other;
my %of = map { my ($verb, $rest) = @$_; ("$verb$rest" => "$verb /realtime/docs$rest") }
    [ 'POST', '' ], [ 'GET', '' ], [ 'GET', '/{id}' ], [ 'POST', '/{id}/updates' ],
    [ 'PUT', '/{id}/snapshot' ], [ 'GET', '/{id}/versions' ], [ 'POST', '/{id}/versions' ],
    [ 'POST', '/{id}/restore' ], [ 'PUT', '/{id}/locks/{section}' ],
    [ 'DELETE', '/{id}/locks/{section}' ];
my $none = "/realtime/docs/$Pando::Routes::NOBODY";
my $clock = 0;

sub opened
{
    my ($ref, $format) = @_;
    return $t->works($t->post('/realtime/docs', { ref => $ref, format => $format // 'yjs' }),
        $of{POST}, 201)->{id};
}

sub update
{
    my ($id, $data, @with) = @_;
    return $t->post("/realtime/docs/$id/updates", { client_id => 'c', client_clock => ++$clock,
        data => encode_base64($data, ''), @with });
}

sub seq { update(@_)->json->{seq} }
sub doc { $t->get("/realtime/docs/$_[0]?since_seq=" . ($_[1] // 0))->json }
sub texts { map { decode_base64($_->{data}) } @{ $_[0]{updates} } }

sub snapshot
{
    my ($id, $seq, $data) = @_;
    return $t->put("/realtime/docs/$id/snapshot",
        { seq => $seq, data => encode_base64($data, '') });
}


# Written and read

my $id = opened('content:page:1');
$t->fails($t->post('/realtime/docs', { ref => 'content:page:1', format => 'text' }), $of{POST},
    'ref_taken', '/ref');
is scalar @{ $t->works($t->get('/realtime/docs?ref=content:page:1'), $of{GET}, 200)->{data} }, 1,
    'found by its ref';
is $t->get('/realtime/docs?ref=no')->json->{next}, undef, 'or not';
is seq($id, $_), length $_, "update $_" for 'a', 'bb', 'ccc';
my $d = $t->works($t->get("/realtime/docs/$id"), $of{'GET/{id}'}, 200);
is_deeply [ texts($d) ], [ 'a', 'bb', 'ccc' ], 'all of it';
is_deeply [ @$d{qw(last_seq seq snapshot)} ], [ 3, 3, undef ], 'and where it is';
is_deeply [ texts(doc($id, 2)) ], [ 'ccc' ], 'or what is new';
is_deeply [ texts(doc($id, 3)) ], [], 'or nothing';
my $again = $t->works($t->post("/realtime/docs/$id/updates", { client_id => 'c',
    client_clock => 2, data => 'YmI=' }), $of{'POST/{id}/updates'}, 200);
ok $again->{repeated}, 'sent again';
is $again->{seq}, 2, 'it is the same';
is doc($id)->{last_seq}, 3, 'and there once';

my $u = $of{'POST/{id}/updates'};
$t->fails($t->post("/realtime/docs/$id/updates", { client_id => 'c', client_clock => 99,
    data => '!!' }), $u, 'data_malformed', '/data');
$t->fails(update($id, 'x' x 262145), $u, 'update_too_large', '/data');
is seq($id, "\0\xff" x 1000), 4, 'bytes';
is +(texts(doc($id, 3)))[0], "\0\xff" x 1000, 'are what they were';
is seq($id, 'x' x 262144), 5, 'a large one';
$t->fails($t->post("$none/updates", { client_id => 'c', client_clock => 1, data => 'YQ==' }), $u,
    'not_found');
$t->fails($t->get($none), $of{'GET/{id}'}, 'not_found');
is $p->get("/api/v1/realtime/docs/$id", token => $p->token(scope => 'realtime:read',
    tid => $Pando::Token::OTHER))->{status}, 404, "another tenant's is not there";


# Told to who is there

my $ann = Talk->new($p, token => $mine);
my $bob = Talk->new($p, token => $theirs);
my $page = $t->get("/realtime/docs/$id?since_seq=5");
my ($epoch, $offset) = split /:/, $page->header('X-Realtime-Position');
is seq($id, 'between'), 6, 'written between the page and the subscription';
ok $p->wait_for(sub { $p->sql('select told_seq from realtime.docs where id = ?', $id) == 6 }, 30),
    'and told before it';
my $in = $ann->ask('subscribe', channel => "doc:$id", epoch => $epoch, offset => $offset + 0);
ok $in->{recovered}, 'who comes with the position of the page';
my $m = $ann->told;
$m = $ann->told while $m && $m->{data}{seq} != 6;
is_deeply [ texts($m->{data}) ], [ 'between' ], 'has not missed it';
is $bob->ask('subscribe', channel => "doc:$id")->{type}, 'reply';
is $bob->ask('publish', channel => "doc:$id", data => 1)->{code}, 'publish_not_allowed',
    'nobody says anything there';
is $ann->ask('awareness', channel => "doc:$id", data => 'x' x 5000)->{code}, 'invalid', 'but shows';
$bob->ask('presence', channel => "doc:$id");
$ann->ask('presence', channel => "doc:$id");
$ann->say(JSON::PP->new->encode({ type => 'awareness', channel => "doc:$id",
    data => { at => 7 } }));
$m = $bob->told;
$m = $bob->told while $m && $m->{type} ne 'awareness';
is_deeply [ @$m{qw(user data)} ], [ $me, { at => 7 } ], 'where its cursor is';
is $ann->ask('awareness', channel => 'room:1', data => 1)->{code}, 'not_present',
    'to who is there with it';


# A hundred clients, each of which sends all twice

my $many = opened('content:page:2');
my $watch = Talk->new($p, token => $mine);
$watch->ask('subscribe', channel => "doc:$many");
my @asked = map { my $c = $_; map { { client_id => "c$c", client_clock => $_,
    data => encode_base64("$c.$_", '') } } 1 .. 3 } 1 .. 100;
my $to = "/api/v1/realtime/docs/$many/updates";
my @r = $p->parallel(map { [ POST => $to, body => $_, token => $t->{token} ] }
    map { ($_, $_) } @asked);
is_deeply [ grep { $_->{status} != 200 } @r ], [], '600 answers';
my %seqs = map { $_->json->{seq} => 1 } @r;
is_deeply [ sort { $a <=> $b } keys %seqs ], [ 1 .. 300 ], 'for 300 updates without a gap';
is scalar(grep { $_->json->{repeated} } @r), 300, 'each taken once';

my @heard;

while (@heard < 300 && ($m = $watch->told(30))) {
    push @heard, @{ $m->{data}{updates} } if $m->{type} eq 'message';
}

is_deeply [ map { $_->{seq} } @heard ], [ 1 .. 300 ], 'who is there is told each, in order';
is_deeply \@heard, doc($many)->{updates}, 'and has what who comes later gets';
ok $p->wait_for(sub { my ($n) = $p->sql("select count(*) from pando.outbox
    where type = 'doc.updated' and subject = ?", $many); $n->[0] >= 1 }, 30),
    'an event tells of it';
cmp_ok +($p->sql("select count(*) from pando.outbox where type = 'doc.updated'
    and subject = ?", $many))[0][0], '<', 30, 'not of each';


# Snapshots

my $s = $of{'PUT/{id}/snapshot'};
$t->fails($t->post("/realtime/docs/$many/versions", { name => 'x' }), $of{'POST/{id}/versions'},
    'no_snapshot');
my @raced = $p->parallel(map { [ PUT => "/api/v1/realtime/docs/$many/snapshot", body =>
    { seq => $_, data => encode_base64("state $_", '') }, token => $t->{token} ] }
    100, 200, 150, 120);
is $raced[1]{status}, 200, 'the newest is taken, whatever was before it';
$d = $t->works($t->get("/realtime/docs/$many"), $of{'GET/{id}'}, 200);
is_deeply [ $d->{snapshot_seq}, decode_base64($d->{snapshot}) ], [ 200, 'state 200' ], 'it stays';
is_deeply [ map { $_->{seq} } @{ $d->{updates} } ], [ 201 .. 300 ], 'with what follows';
$t->fails(snapshot($many, $_->[0], 'x'), $s, 'snapshot_stale', '/seq', $_->[1])
    for [ 200, 'the same again' ], [ 199, 'an older one' ], [ 301, 'one of what is not there' ];
$t->fails($t->put("/realtime/docs/$many/snapshot", { seq => 250, data => '*' }), $s,
    'data_malformed', '/data');
$t->fails($t->put("/realtime/docs/$many/snapshot", { seq => 250, data => 'YQ==' },
    'If-Match' => '"v1"'), $s, 'precondition_failed');
$t->fails($t->put("$none/snapshot", { seq => 1, data => 'YQ==' }), $s, 'not_found');
$p->sql("insert into realtime.doc_updates (doc_id, seq, tenant_id, client_id, client_clock,
    user_id, data) select ?, i, ?, 'bulk', i, ?, 'x' from generate_series(301, 2000) as i", $many,
    $Pando::Token::TENANT, $me);
$p->sql('update realtime.docs set last_seq = 2000, told_seq = 2000 where id = ?', $many);
$t->works(snapshot($many, 1990, 'late'), $s, 200);
is +($p->sql('select min(seq) from realtime.doc_updates where doc_id = ?', $many))[0][0], 991,
    'a thousand updates before it are kept';
$d = doc($many, 5);
is_deeply [ decode_base64($d->{snapshot}), scalar @{ $d->{updates} } ], [ 'late', 10 ],
    'who was away for longer gets the snapshot';
$d = doc($many, 995);
ok !defined $d->{snapshot} && @{ $d->{updates} } == 1000 && $d->{more}, 'who was not, does not';


# Named states

my $v = $of{'POST/{id}/versions'};
my $first = $t->works($t->post("/realtime/docs/$many/versions", { name => 'first' }), $v, 201);
is_deeply [ @$first{qw(name seq size)} ], [ 'first', 1990, 4 ], 'a state has a name';
$t->fails($t->post("/realtime/docs/$many/versions", { name => 'first' }), $v,
    'version_name_taken', '/name');
$t->fails($t->post("$none/versions", { name => 'x' }), $v, 'not_found');
$t->works(snapshot($many, 2000, 'spoilt'), $s, 200);
is scalar @{ $t->works($t->get("/realtime/docs/$many/versions"), $of{'GET/{id}/versions'}, 200)
    ->{data} }, 1, 'it is listed';
$t->fails($t->get("$none/versions"), $of{'GET/{id}/versions'}, 'not_found');
my $r = $of{'POST/{id}/restore'};
$t->fails($t->post("/realtime/docs/$many/restore", { version_id => $Pando::Routes::NOBODY }), $r,
    'version_unknown', '/version_id');
$t->fails($t->post("$none/restore", { version_id => $first->{id} }), $r, 'not_found');
$d = $t->works($t->post("/realtime/docs/$many/restore", { version_id => $first->{id} }), $r, 200);
is $d->{snapshot_seq}, 2001, 'it is what it was, as a step of its own';
$d = doc($many, 1999);
is_deeply [ decode_base64($d->{snapshot}), $d->{updates}, $d->{seq} ], [ 'late', [], 2001 ],
    'for whoever asks';
$m = $watch->told(30);
$m = $watch->told(30) while $m && ($m->{data}{type} // '') ne 'snapshot';
is $m->{data}{seq}, 2001, 'who is there is told to load it';
is seq($many, 'on'), 2002, 'and it goes on';
$m = $watch->told(30);
is_deeply [ texts($m->{data}) ], [ 'on' ], 'for him, too';


# Locks

my $l = $of{'PUT/{id}/locks/{section}'};
my $un = $of{'DELETE/{id}/locks/{section}'};
my $lock = "/realtime/docs/$id/locks/intro";
my $held = $t->works($t->put($lock, { ttl => 60 }, token => $mine), $l, 200);
is $held->{fence}, 1, 'a lock';
my $no = $t->fails($t->put($lock, { ttl => 60 }, token => $theirs), $l, 'locked_by');
is $no->{locked_by}, $me, 'whose it is, is said';
$t->fails($t->put($lock, { ttl => 60 }, token => $mine), $l, 'locked_by', undef,
    'another tab of mine has it');
is $t->works($t->put($lock, { ttl => 60, fence => 1 }, token => $mine), $l, 200)->{fence}, 1,
    'who has it keeps it';
is update($id, 'locked', section => 'intro', fence => 1)->{status}, 200, 'and writes with it';
$t->fails(update($id, 'x', section => 'intro'), $u, 'fence_missing', '/fence');
$t->fails(update($id, 'x', section => 'other', fence => 1), $u, 'fence_old', '/fence');

# paused beyond its time: the test moves the time, not the clock
$p->sql('update realtime.doc_locks set until = now() - interval \'1 second\'');
$t->fails(update($id, 'x', section => 'intro', fence => 1), $u, 'fence_old', '/fence',
    'who slept too long');
my @race = $p->parallel(map { [ PUT => "/api/v1$lock", body => { ttl => 60 }, token => $_ ] }
    ($theirs) x 10);
is scalar(grep { $_->{status} == 200 } @race), 1, 'one of many gets it';
$t->fails(update($id, 'x', section => 'intro', fence => 1), $u, 'fence_old', '/fence',
    'the old fence is refused');
is update($id, 'new', section => 'intro', fence => 2)->{status}, 200, 'the new one is taken';
$t->fails($t->delete($lock, token => $mine), $un, 'lock_lost');
$t->fails($t->delete($lock, token => $theirs, 'If-Match' => '"v1"'), $un, 'precondition_failed');
$t->fails($t->put($lock, { ttl => 60 }, token => $theirs, 'If-Match' => '"v1"'), $l,
    'precondition_failed');
is $t->delete($lock, token => $theirs, 'If-Match' => '"v2"')->{status}, 204, 'let go of';
is $t->delete($lock, token => $mine)->{status}, 204, 'which is no fault when it is over';
is $t->put($lock, { ttl => 60 }, token => $mine)->json->{fence}, 3, 'the fence rises';
$t->fails($t->put("$none/locks/intro", { ttl => 1 }), $l, 'not_found');
$t->fails($t->delete("$none/locks/intro"), $un, 'not_found');
$t->fails($t->put("/realtime/docs/$id/locks/a%20b", { ttl => 1 }), $l, 'section_malformed');
$t->fails($t->delete("/realtime/docs/$id/locks/a%20b"), $un, 'section_malformed');

$t->all_provoked('realtime_docs.c', 'realtime_doc_parts.c');


# Whoever is to be forgotten

$p->sql("select pando.emit(?, 'user.erasure_requested', 1, ?, '{}')", $Pando::Token::TENANT, $me);
$p->sql('notify pando_events');
is $ann->closes, 4003, 'his connections end';
ok $p->wait_for(sub { !($p->sql('select count(*) from realtime.doc_updates where user_id = ?',
    $me))[0][0] }, 30), 'and his name is gone';

done_testing;
