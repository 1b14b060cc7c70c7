# Opens and clicks: links lead where they did, by way of here and nowhere else;
# machines are told apart; and what it all adds up to.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use MIME::QuotedPrint;
use Pando;

my $t = Mails->new(workers => 2, http => 'pando_set email.public_url https://m.pando.test;');
my $p = $t->{p};
my $agent = 'Mozilla/5.0 (X11; Linux) Gecko Firefox/128.0';
my ($open, $click) = ('GET /e/o/{token}', 'GET /e/c/{token}');

sub get { my ($path, @o) = @_; return $p->get($path, 'User-Agent' => $agent, @o) }
sub html { my ($m) = @_;
    my ($html) = $t->raw($m) =~ m{text/html.*?\r\n\r\n(.*?)\r\n--}s;
    return decode_qp($html) }
sub sent { my (%in) = @_;
    my $m = $t->mail(track => \1, %in);
    $t->gets($m, 'sent');
    $p->sql("update email.messages set sent_at = sent_at - interval '1 minute' where id = ?",
            $m->{id});
    return $m }


# links and the point

my $m = sent(html => '<body><a href="https://x.test/?a=1&amp;b=2">one</a> '
    . '<a href="mailto:a@b.c"></a><a href=\'http://y.test/\'>two</a> '
    . '<a href="https://x.test/?a=1&amp;b=2">three</a></body>');
my $html = html($m);
my @links = $html =~ m{href=["']https://m\.pando\.test(/e/c/[\w-]+)["']>}g;
my ($trap) = $html =~ m{<a href="https://m\.pando\.test(/e/c/[\w-]+)" style="display:none"};
my ($point) = $html =~ m{<img src="https://m\.pando\.test(/e/o/[\w-]+\.gif)" [^>]*></body>};
is scalar @links, 3, 'three links' or diag $html;
ok $trap && $point, 'a link that nobody sees, and a point' or diag $html;
like $html, qr/mailto:a\@b\.c/, 'what is no link of the web stays';
my $r = $t->works(get($point), $open, 200);
$r = get($point);
is $r->header('Content-Type'), 'image/gif';
like $r->{body}, qr/^GIF89a/, 'a picture';
$r = get($links[0]);
is $r->{status}, 302, 'a link';
is $r->header('Location'), 'https://x.test/?a=1&b=2', 'leads where it did';
is get($links[1])->header('Location'), 'http://y.test/', 'each of them';
is $t->kinds($m), 'accepted opened opened clicked clicked', 'it is noted';
my $event = $t->row($m)->{events}[3];
is "$event->{url} $event->{agent}", "https://x.test/?a=1&b=2 $agent", 'what, and by whom';
is_deeply [ map { $_->[0] } $p->sql("select type from pando.outbox where type in
    ('email.opened', 'email.clicked') order by seq") ], [ 'email.opened', 'email.clicked' ],
    'and told once';


# machines

my $n = sent(to => 'b@x.test', html => '<a href="https://x.test/">x</a>');
$html = html($n);
my ($link) = $html =~ m{test(/e/c/[\w-]+)">};
($trap) = $html =~ m{test(/e/c/[\w-]+)" style};
($point) = $html =~ m{test(/e/o/[\w-]+\.gif)};
$p->get($point, 'User-Agent' => 'GoogleImageProxy');
$p->get($link);
get($trap);
is $t->kinds($n), 'accepted machine_opened bot_clicked bot_clicked', 'who say so, and the curious';
$p->sql('update email.messages set sent_at = clock_timestamp() where id = ?', $n->{id});
get($point);
get($link);
is $t->kinds($n), 'accepted machine_opened bot_clicked bot_clicked machine_opened bot_clicked',
    'and who is too quick';


# nowhere else

for my $bad ("/e/c/" . 'A' x 104, $links[0] =~ s/.$//r, $links[0] =~ s{/c/}{/o/}r,
             $point =~ s{/o/}{/c/}r, '/e/c/https%3A%2F%2Fevil.test', $links[0] . 'AAAA')
{
    is get($bad)->{status}, 404, "nowhere: $bad";
}

$t->fails(get('/e/c/x'), $click, 'not_found');
$t->fails(get('/e/o/x.gif'), $open, 'not_found');
is get($trap)->{status}, 404, 'the trap leads nowhere';
my $plain = $t->mail(html => '<a href="https://x.test/">x</a>');
$t->gets($plain, 'sent');
unlike html($plain), qr{/e/[co]/}, 'who is not to be followed is not';
$p->sql('delete from email.messages where id = ?', $m->{id});
is get($links[0])->{status}, 302, 'a link outlives its message';


# a campaign is tracked

my $l = $t->post('/email/lists', { name => 'L' })->json;
$t->post("/email/lists/$l->{id}/members", { proof => { source => 's' },
    members => [ map { { address => "c$_\@x.test" } } 1 .. 5 ] });
$t->post('/email/templates', { key => 'news', subject => 'n',
    html => '<a href="https://x.test/">x</a><a href="{{unsubscribe_url}}">out</a>'
          . '{{postal_address}}' });
$t->post('/email/templates/news/publish', {});
my $c = $t->post('/email/campaigns', { name => 'c', template => 'news', list_id => $l->{id},
    postal_address => 'here' })->json;
$t->post("/email/campaigns/$c->{id}/schedule", {});
$t->waits(sub { $t->get("/email/campaigns/$c->{id}")->json->{state} eq 'sent' }, 'a campaign');
my @of = @{ $t->get("/email/messages?campaign=$c->{id}")->json->{data} };
$t->gets($_, 'sent') for @of;
$p->sql("update email.messages set sent_at = sent_at - interval '1 minute'");
for my $i (0 .. 2) {
    $html = html($of[$i]);
    like $html, qr{/e/u/[\w-]+">out}, 'with a link to leave that is not followed';
    get($html =~ m{test(/e/o/[\w-]+\.gif)});
    get($html =~ m{test(/e/c/[\w-]+)">}) if $i;
}

my $by = sub { $t->works($t->get("/email/analytics?by=$_[0]"), 'GET /email/analytics',
                         200)->{data} };
my $row = $by->('campaign')->[0];
is_deeply [ @$row{qw(key messages sent opened clicked bounced)} ], [ $c->{id}, 5, 5, 3, 2, 0 ],
    'what came of it';
is scalar @{ $by->('campaign') }, 1, 'of one campaign';
is_deeply [ map { "$_->{key} $_->{messages}" } @{ $by->('domain') } ],
    [ 'x.test 6', 'example.com 1' ], 'by domain';
is $by->('provider')->[0]{key}, 'capture', 'by provider';
cmp_ok scalar @{ $by->('hour') }, '>=', 1, 'by hour';
is_deeply $t->get('/email/analytics?until=2020-01-01T00:00:00Z')->json->{data}, [], 'in time';
is_deeply $t->get('/email/analytics', token => $Mails::OTHER)->json->{data}, [], 'for us alone';
$t->all_provoked('email_tracking.c');

unlike $p->log('access.log'), qr{/e/[oc]/}, 'no log has the links';

done_testing;
