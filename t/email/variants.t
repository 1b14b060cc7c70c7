# Variants of a campaign: who gets which, when the rest gets the better one,
# and what is known of them; and paces: a rate, local times.

use FindBin;
use lib $FindBin::Bin;
use Digest::SHA qw(sha256);
use Mails;
use Pando;

my $t = Mails->new(workers => 2, http => 'pando_set email.track_campaigns off;');
my $p = $t->{p};
my $tenant = $Pando::Token::TENANT;
my ($post, $of) = ('POST /email/campaigns', '/email/campaigns/{id}');
my ($patch, $pick) = ("PATCH $of", "POST $of/pick-winner");

sub list
{
    my ($name, $n, $data) = @_;
    my $l = $t->post('/email/lists', { name => $name })->json;
    $p->sql("select email.import(?, ?, (select jsonb_agg(jsonb_build_object('norm',
        'u' || i || '\@x.test', 'address', 'u' || i || '\@x.test', 'data', ?::jsonb))
        from generate_series(1, ?::int) i), '{}')", $tenant, $l->{id}, $data // '{}', $n);
    return $l->{id};
}

sub template
{
    my ($key, $text) = @_;
    $t->post('/email/templates', { key => $key, subject => 'Plain', text => $text
        . ' {{unsubscribe_url}} {{postal_address}}' });
    $t->post("/email/templates/$key/publish", {});
}

sub campaign
{
    my (%in) = @_;
    return $t->works($t->post('/email/campaigns', { name => 'c', template => 'news',
        postal_address => 'here', %in }), $post, 201);
}

sub at { my ($c) = @_; return $t->get("/email/campaigns/$c->{id}")->json }
sub act { my ($c, $what, $body) = @_;
    return $t->post("/email/campaigns/$c->{id}/$what", $body // {}) }
sub hex_id { my ($id) = @_; return pack 'H*', $id =~ s/-//gr }
sub bucket { my ($c, $to) = @_;
    return unpack('N', sha256(hex_id($c->{id}) . $to)) % 10000 }
sub counted { my ($c) = @_; return { map { $_->{key} => $_ } @{
    $t->works($t->get("/email/analytics?by=variant&campaign=$c->{id}"), 'GET /email/analytics',
              200)->{data} } } }

# As time would: the campaign began so long ago, and somebody looks.
sub later
{
    my ($c, $seconds) = @_;
    $p->sql("update email.campaigns set started_at = started_at - ? * interval '1 s'
             where id = ?", $seconds, $c->{id});
    $p->sql("update email.template_versions set published_at = '2020-01-01'");
    $p->sql("select pando.enqueue('email.decide', jsonb_build_object('campaign_id', ?::text),
             ?)", $c->{id}, $tenant);
}

template(news => 'first');
template(other => 'second');
my $n = 600;
my $list = list('Many', $n);
my @ab = (share => 4000, variants => [ { key => 'a' }, { key => 'b', subject => 'Hi {{name |
    default "you"}}', from_name => 'Bee' }, { key => 'c', template => 'other' },
    { key => 'none', holdout => \1 } ]);


# what is no test

for (['/ab/variants/1/key', 'variants_not_allowed', { key => 'a' }, { key => 'a' }],
     ['/ab/variants', 'variants_not_allowed', { key => 'a' }, { key => 'b', holdout => \1 }],
     ['/ab/variants/1/from_name', 'header_not_allowed', { key => 'a' },
      { key => 'b', from_name => "a\nBcc: x" }],
     ['/ab/variants/1/subject', 'template_syntax', { key => 'a' },
      { key => 'b', subject => '{{#a}}' }])
{
    my ($pointer, $code, @variants) = @$_;
    $t->fails($t->post('/email/campaigns', { name => 'c', template => 'news', list_id => $list,
        postal_address => 'p', ab => { share => 100, variants => \@variants } }), $post, $code,
        $pointer);
}

is $t->post('/email/campaigns', { name => 'c', template => 'news', list_id => $list,
    postal_address => 'p', ab => { share => 100, variants => [ { key => 'a' } ] } })->{status},
    422, 'one variant is none';
my $c = campaign(list_id => $list, ab => { @ab });
is $c->{ab}{metric}, 'click', 'clicks count, if nothing is said';
is $t->works($t->patch("/email/campaigns/$c->{id}", { ab => undef }), $patch, 200)->{ab}, undef,
    'it can be taken away';
$t->fails($t->patch("/email/campaigns/$c->{id}", { ab => { share => 100, variants => [
    { key => 'a' }, { key => 'a' } ] } }), $patch, 'variants_not_allowed', '/ab/variants/1/key');
$t->fails($t->patch("/email/campaigns/$c->{id}", { ab => { share => 100, variants => [
    { key => 'a' }, { key => 'b', subject => '{{' } ] } }), $patch, 'template_syntax',
    '/ab/variants/1/subject');
$t->fails($t->patch("/email/campaigns/$c->{id}", { ab => { metric => 'open', variants => [
    { key => 'a' }, { key => 'b' } ] } }), $patch, 'variants_not_allowed', '/ab/share');
$t->fails($t->patch("/email/campaigns/$c->{id}", { ab => { share => 200 } }), $patch,
    'variants_not_allowed', '/ab/variants');
is $t->patch("/email/campaigns/$c->{id}", { ab => { @ab, share => 300 } })->json->{ab}{share}, 300,
    'and put back';
my $ab = $t->patch("/email/campaigns/$c->{id}", { ab => { share => 4000 } })->json->{ab};
is "$ab->{share} $ab->{decide_after_s} @{[ scalar @{ $ab->{variants} } ]}", '4000 14400 4',
    'and changed in part';
$t->fails(act($c, 'pick-winner', { variant => 'a' }), $pick, 'wrong_state');
my $bad = campaign(list_id => $list, ab => { share => 100, variants => [ { key => 'a' },
    { key => 'b', template => 'nowhere' } ] });
is act($bad, 'validate')->json->{code}, 'unknown_template', "a variant's template has to be there";


# who gets which

act($c, 'schedule');
my $tried = sub { my $k = at($c)->{counts}; return $k->{sent} && !$k->{pending} && !$k->{sending} };
$t->waits($tried, 'the variants are tried') or diag explain at($c);
my %is = map { $_->[0] => $_->[1] . ($_->[2] // '') } $p->sql('select to_norm, state, variant
    from email.campaign_recipients where campaign_id = ?', $c->{id});
my %should = map { my $b = bucket($c, $_);
    $_ => $b >= 4000 ? 'waiting' : $b >= 3000 ? 'held3' : 'taken' . int($b / 1000) }
    map { "u$_\@x.test" } 1 .. $n;
is_deeply \%is, \%should, 'by the hash of campaign and address';
my %of = map { $_->{to} => $_ } map { @{ $t->get("/email/messages?campaign=$c->{id}&limit=200"
    . ($_ ? "&to=$_" : ''))->json->{data} } } '';
my %raw = map { my $v = $should{$_} =~ s/\D+//r; $v => $t->raw($of{$_}) } keys %of;
like $raw{0}, qr/^Subject: Plain\r$/m;
like $raw{1}, qr/^From: Bee <.*^Subject: Hi you\r$/ms, 'each says what it should';
like $raw{2}, qr/^Subject: Plain\r.*second/ms;
is at($c)->{state}, 'sending', 'the rest waits';
is at($c)->{winner}, undef;


# no winner yet, then the deadline

my $k = counted($c);
is join(' ', sort keys %$k), 'a b c', 'counted by variant';
is $k->{b}{sent}, scalar(grep { $_ eq 'taken1' } values %should), 'each as many as were sent';
later($c, 0);
$t->waits(sub { at($c)->{ab_result} }, 'somebody looks');
my $result = at($c)->{ab_result};
is $result->{why}, undef, 'and is not sure';
is_deeply [ map { $_->{key} } @{ $result->{variants} } ], [ qw(a b c none) ];
is $result->{variants}[3]{best}, 0, 'who gets nothing cannot win';
my $sum = 0;
$sum += $_->{best} for @{ $result->{variants} };
ok $sum > 9990 && $sum < 10010, 'one of them is the best' or diag $sum;
$p->sql("insert into email.events (tenant_id, message_id, kind) select tenant_id, message_id,
    'clicked' from (select * from email.campaign_recipients where campaign_id = ? and variant = 1
    order by to_norm limit 9) r", $c->{id});
$p->sql("insert into email.events (tenant_id, message_id, kind) select tenant_id, message_id,
    'bot_clicked' from email.campaign_recipients where campaign_id = ? and variant = 2
    and message_id is not null", $c->{id});
later($c, 14400);
$t->waits(sub { at($c)->{state} eq 'sent' && !at($c)->{counts}{sending} },
    'at the deadline it goes on')
    or diag explain at($c);
my $done = at($c);
is $done->{winner}, 'b', 'with the one that people clicked';
my $b = $done->{ab_result}{variants}[1];
is $b->{hits}, 9;
ok $b->{low} < $b->{rate} && $b->{rate} < $b->{high}, 'with an interval';
is $done->{ab_result}{variants}[2]{hits}, 0, 'machines do not count';
is_deeply $done->{counts}, { sent => scalar(grep { !/held/ } values %should),
    held => scalar(grep { /held/ } values %should) }, 'and those who are held get nothing';
is +($p->sql("select count(*) from email.campaign_recipients where campaign_id = ?
    and message_id is not null and variant <> 1 and email.bucket(campaign_id, to_norm) >= 4000",
    $c->{id}))[0][0], 0, 'all of the rest get that one';
is counted($c)->{b}{clicked}, 9, 'in analytics as well';
$t->fails(act($c, 'pick-winner', { variant => 'a' }), $pick, 'wrong_state');


# staff decide

my $small = list('Small', 40);
my $s = campaign(list_id => $small, ab => { share => 5000, metric => 'open',
    variants => [ { key => 'x' }, { key => 'y', delay_s => 600 },
        { key => 'z', holdout => \1 } ] });
act($s, 'schedule');
$t->waits(sub { (at($s)->{counts}{sent} // 0) >= 1 && !at($s)->{counts}{sending} }, 'under way');
my ($due) = $p->sql("select min(r.due_at) - c.send_at = interval '10 min' from
    email.campaign_recipients r join email.campaigns c on c.id = r.campaign_id where c.id = ?
    and r.state = 'pending' group by c.send_at", $s->{id});
ok $due->[0], 'one variant is for later';
$t->fails(act($s, 'pick-winner', { variant => $_ }), $pick, 'unknown_variant', '/variant')
    for qw(z w);
act($s, 'pause');
is $t->works(act($s, 'pick-winner', { variant => 'x' }), $pick, 200)->{winner}, 'x';
$t->fails(act($s, 'pick-winner', { variant => 'y' }), $pick, 'wrong_state');
my $sent = at($s)->{counts}{sent};
act($s, 'resume');
$t->waits(sub { !at($s)->{counts}{waiting} && !at($s)->{counts}{sending} }, 'the rest gets it');
cmp_ok at($s)->{counts}{sent}, '>', $sent;
ok at($s)->{counts}{pending}, 'who is for later still waits';
is at($s)->{state}, 'sending';
$p->sql("update email.campaign_recipients set due_at = now() where campaign_id = ?", $s->{id});
$p->sql("select email.campaign_wake(c, now()) from email.campaigns c where id = ?", $s->{id});
$t->waits(sub { at($s)->{state} eq 'sent' }, 'and gets it then');
$t->fails(act({ id => $Pando::Routes::NOBODY }, 'pick-winner', { variant => 'a' }), $pick,
    'not_found');
is $t->post("/email/campaigns/$s->{id}/pick-winner", { variant => 'x' },
    token => $Mails::OTHER)->{status}, 404, 'another tenant';


# 10 % and 15 %, of 4,000: rows as a campaign leaves them

my $big = list('Big', 8000);
my $ten = campaign(list_id => $big, ab => { share => 5000,
    variants => [ { key => 'ten' }, { key => 'fifteen' } ] });
$p->sql("update email.campaigns set state = 'scheduled', send_at = now(), winner = null
    where id = ?", $ten->{id});
$p->sql('update email.providers set enabled = false');
$p->sql("select email.campaign_start(?, ?)", $tenant, $ten->{id});
$p->sql("update email.campaigns set state = 'paused' where id = ?", $ten->{id});
$t->waits(sub { !($p->sql("select count(*) from email.messages where state = 'sending'"))[0][0] },
    'at rest');
$p->sql("with r as (update email.campaign_recipients set state = 'taken',
        message_id = coalesce(message_id, pando.uuid7()) where campaign_id = ?
        and state in ('pending', 'taken') returning *)
    insert into email.messages (id, tenant_id, lane, state, to_norm, to_address, sender, subject,
        campaign_id, size, next_at, expires_at, sent_at)
    select message_id, tenant_id, 'bulk', 'sent', to_norm, to_address, 'a\@b.test', 's',
        campaign_id, 0, now(), now(), now() from r on conflict do nothing", $ten->{id});
$p->sql("insert into email.events (tenant_id, message_id, kind)
    select tenant_id, message_id, 'clicked' from (select *, row_number() over (partition by
        variant order by to_norm) - 1 as i from email.campaign_recipients
        where campaign_id = ? and variant is not null) r
     where i % 100 < case variant when 0 then 10 else 15 end", $ten->{id});
later($ten, 0);
$t->waits(sub { at($ten)->{winner} }, 'one is the better before the deadline')
    or diag explain at($ten);
my $r = at($ten);
is $r->{winner}, 'fifteen', 'the right one';
is $r->{ab_result}{why}, 'probable', 'because that is probable';
my ($one, $two) = @{ $r->{ab_result}{variants} };
cmp_ok abs($one->{sent} + $two->{sent} - 4000), '<', 200, 'of four thousand';
ok $one->{high} < $two->{low} + 200 && $two->{best} >= 9500, 'clearly'
    or diag explain $r->{ab_result};
$p->sql("update email.campaigns set winner = null, ab_result = null where id = ?", $ten->{id});
later($ten, 0);
$t->waits(sub { at($ten)->{winner} }, 'again');
is_deeply at($ten)->{ab_result}{variants}, $r->{ab_result}{variants}, 'the same numbers';
act($ten, 'cancel');


# paces

my $slow = campaign(list_id => $small, rate => 60);
is $slow->{rate}, 60;
$p->sql("update email.campaigns set state = 'scheduled', send_at = now()
    where id = ?", $slow->{id});
$p->sql("select email.campaign_start(?, ?)", $tenant, $slow->{id});
my ($span) = $p->sql("select extract(epoch from max(due_at) - min(due_at))::int,
    count(distinct due_at) from email.campaign_recipients where campaign_id = ?", $slow->{id});
is "@$span", '39 40', 'one a second';
cmp_ok at($slow)->{counts}{pending} // 0, '>', 30, 'and not sooner';
act($slow, 'pause');
$p->sql("update email.campaign_recipients set due_at = due_at - interval '1 hour'
    where campaign_id = ?", $slow->{id});
act($slow, 'resume');
($span) = $p->sql("select min(due_at) > now() - interval '30 s',
    extract(epoch from max(due_at) - min(due_at))::int > 20 from email.campaign_recipients
    where campaign_id = ? and state = 'pending'", $slow->{id});
is "@$span", '1 1', 'after a pause the rate holds, too';
act($slow, 'cancel');
is $t->patch("/email/campaigns/$bad->{id}", { rate => 5, local => \1 })->json->{rate}, 5;
is $t->patch("/email/campaigns/$bad->{id}", { rate => undef })->json->{rate}, undef, 'as it comes';

my $where = $t->post('/email/lists', { name => 'Where' })->json->{id};
$t->post("/email/lists/$where/members", { proof => { source => 's' }, members => [
    map { +{ address => "$_->[0]\@x.test", data => { time_zone => $_->[1] } } }
    ['tokyo', 'Asia/Tokyo'], ['la', 'America/Los_Angeles'], ['no', 'Atlantis'], ['utc', undef] ] });
my $local = campaign(list_id => $where, local => \1);
act($local, 'schedule', { send_at => '2096-07-01T09:00:00Z' });
is +($p->sql("select run_at = '2096-06-30T19:00:00Z' from pando.jobs
    where kind = 'email.campaign_start' and state = 'ready'
    and payload ->> 'campaign_id' = ?", $local->{id}))[0][0], 1, 'it begins where it is day first';
$p->sql("update email.campaigns set send_at = date_trunc('day', now() + interval '12 hours')
    + interval '1 hour' where id = ?", $local->{id});
is +($p->sql("select email.campaign_start(?, ?)", $tenant, $local->{id}))[0][0], 1,
    'before its time';
is_deeply { map { $_->[0] => $_->[1] } $p->sql("select split_part(r.to_norm, '\@', 1),
    extract(epoch from r.due_at - c.send_at)::int / 3600 from email.campaign_recipients r
    join email.campaigns c on c.id = r.campaign_id where c.id = ? and r.to_norm not like 'la%'",
    $local->{id}) }, { tokyo => -9, no => 0, utc => 0 }, 'each when clocks there show it';
is +($p->sql("select extract(hour from due_at at time zone 'America/Los_Angeles')
    from email.campaign_recipients where campaign_id = ? and to_norm like 'la%'",
    $local->{id}))[0][0], 1, 'in summer and in winter';
act($local, 'cancel');
$t->all_provoked('email_variants.c');

done_testing;
