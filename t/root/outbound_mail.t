# Mail: what the server is told, and what it says to each recipient.

use Pando;
use Pando::Elsewhere;
use File::Temp qw(tempdir);

my $path = '/api/v1/fetcher';
my $dir = tempdir(CLEANUP => 1);
my $ca = Pando::Elsewhere->authority($dir);
my $cert = Pando::Elsewhere->certificate($dir, '127.0.0.1', 30, $ca);
my $strange = Pando::Elsewhere->certificate($dir, '127.0.0.1', 29);

my %server = (
    plain => Pando::Elsewhere->mail,
    starttls => Pando::Elsewhere->mail(tls => $cert, password => 'hush'),
    smtps => Pando::Elsewhere->mail(tls => $cert, smtps => 1,
                                    password => 'hush'),
    strange => Pando::Elsewhere->mail(tls => $strange),
    away => Pando::Elsewhere->mail(greeting => '421 4.3.2 not now'),
    rude => Pando::Elsewhere->mail(greeting => '554 5.3.2 never'),
    picky => Pando::Elsewhere->mail(mail => '550 5.7.1 not from you'),
    full => Pando::Elsewhere->mail(data => '452 4.3.1 no room'),
    spam => Pando::Elsewhere->mail(taken => '554 5.7.1 this is spam'),
    later => Pando::Elsewhere->mail(taken => '451 4.7.1 later'),
    hangs => Pando::Elsewhere->mail(taken => 'hang'),
    closes => Pando::Elsewhere->mail(taken => 'close'),
    mute => Pando::Elsewhere->mail(greeting => 'hang'),
    shut => Pando::Elsewhere->mail(greeting => 'close'),
    drops => Pando::Elsewhere->mail(mail => 'close'),
);
my $ports = join ' ', 9, map { $_->port } values %server;
my $common = "pando_tenant $Pando::Token::TENANT;
    pando_outbound_ports $ports; pando_outbound_ca $ca->[0];";
my $p = Pando->new(domains => ['fetcher'], workers => 1,
    http => "$common pando_outbound_allow 127.0.0.1;
             pando_outbound_limits failures=1000;",
    server => 'location = /metrics { pando_exposition; }
               client_body_buffer_size 1m; client_max_body_size 1m;');

sub mail
{
    my ($server, %opt) = @_;
    my $r = $p->put("$path/mail", { how => 'plain', from => 'me@pando.test',
        host => '127.0.0.1', rcpts => ['you@mail.test'],
        port => ref $server{$server} ? $server{$server}->port : $server,
        message => "Subject: hi\r\n\r\nhello\r\n", timeout_ms => 20000, %opt });
    return $r->json // { error => "status $r->{status}", why => $r->{body} };
}

sub lines    { map { $_->{line} // () } $server{$_[0]}->notes }
sub messages { map { $_->{message} // () } $server{$_[0]}->notes }
sub codes    { join ' ', map { $_->{code} } @{ $_[0]{rcpts} // [] } }


# one mail

my $got = mail('plain');
is $got->{error}, 'ok', 'a mail is taken' or diag explain $got;
is "$got->{code} $got->{text}", '250 2.0.0 taken as 1', 'it is said as what';
is codes($got), '250';
is $got->{rcpts}[0]{text}, '2.1.5 a recipient';
is $got->{ip}, '127.0.0.1';
is_deeply [ messages('plain') ], [ "Subject: hi\r\n\r\nhello\r\n" ];
is_deeply [ grep { /^(?:EHLO|MAIL|RCPT)/ } lines('plain') ],
    [ 'EHLO fetcher.test', 'MAIL FROM:<me@pando.test>',
      'RCPT TO:<you@mail.test>' ], 'who, from whom, to whom';


# recipients are told apart

$got = mail('plain', rcpts => ['a@mail.test', '550b@mail.test', 'c@mail.test',
                               '450d@mail.test']);
is $got->{error}, 'ok', 'some are known' or diag explain $got;
is codes($got), '250 550 250 450', 'each is answered';
is $got->{rcpts}[1]{text}, '5.1.1 as was asked for', 'with a text of its own';
is $got->{rcpts}[3]{address}, '450d@mail.test';

$got = mail('plain', rcpts => ['550a@mail.test', '551b@mail.test']);
is $got->{error}, 'denied', 'none is known' or diag explain $got;
is codes($got), '550 551';
ok !$got->{unsure};
is mail('plain')->{error}, 'ok', 'the next one is taken';
is codes(mail('plain', rcpts => [ map { ($_ % 2 ? '' : 550) . "r$_\@mail.test" }
                                  1 .. 100 ])),
    join(' ', (250, 550) x 50), 'a hundred recipients';


# what is sent is what was given, line by line

my @odd = ("a\n.\nb\n.\r\n..c\r\n", "a\rb\nc", ".\r\n", "", "x" x 200_000,
           "no end", "\n\n\n");

for my $text (@odd) {
    $server{plain}->forget;
    (my $want = $text) =~ s/\r\n|\r|\n/\r\n/g;
    $want =~ s/^\./../mg;
    $want .= "\r\n" unless $want =~ /\r\n\z/ || $want eq '';
    is mail('plain', message => $text)->{error}, 'ok' or next;
    my ($seen) = messages('plain');
    is $seen, $want, 'lines end as they should, and a dot ends nothing';
    is scalar(grep { /^MAIL FROM/ } lines('plain')), 1, 'one mail';
}

is mail('plain', from => '')->{error}, 'ok', 'from nobody';
is((grep { /^MAIL/ } lines('plain'))[-1], 'MAIL FROM:<>');


# addresses that would be commands

$server{plain}->forget;

for ("a\@b.test>\r\nDATA", "a\nb\@c.test", 'a b@c.test', '<a@b.test>', 'nobody',
     '', 'a@b.test' . 'x' x 400)
{
    is mail('plain', rcpts => [$_])->{error}, 'bad_url', 'a recipient';
    is mail('plain', from => $_)->{error}, 'bad_url', 'a sender' if $_ ne '';
}

is mail('plain', rcpts => [])->{error}, 'bad_url', 'nobody to send to';
is mail('plain', user => 'u', password => 'p')->{error}, 'bad_url',
    'a password is not said in the open';
is mail('plain', host => '127.0.0.9')->{error}, 'refused_address';
is mail(9)->{error}, 'connect', 'nobody there';
is mail(22)->{error}, 'refused_address', 'no port for mail';
is $server{plain}->connections, 0, 'nothing of it was sent';


# TLS and passwords

for (['starttls', 'starttls'], ['smtps', 'tls']) {
    my ($server, $how) = @$_;
    $got = mail($server, how => $how, user => 'me', password => 'hush');
    is $got->{error}, 'ok', "$server" or diag explain $got;
    is scalar(messages($server)), 1;
    $got = mail($server, how => $how, user => 'me', password => 'wr0ng1');
    is $got->{error}, 'denied', 'a wrong password' or diag explain $got;
    is $got->{code}, 535;
}

is mail('plain', how => 'starttls')->{error}, 'tls', 'TLS is there or no mail';
is mail('plain', how => 'tls')->{error}, 'tls';
is mail('strange', how => 'starttls')->{error}, 'tls',
    'who is not believed gets none';
is scalar(grep { /^MAIL/ } lines('strange')), 0;


# servers that say no, and those that say nothing

for (['away', 421, 0], ['rude', 554, 0], ['picky', 550, 0], ['full', 452, 0],
     ['spam', 554, 0], ['later', 451, 0])
{
    my ($server, $code, $unsure) = @$_;
    $got = mail($server);
    is "$got->{error} $got->{code}", "denied $code", $server
        or diag explain $got;
    ok !$got->{unsure}, '- and that is sure';
    isnt $got->{text}, '', '- with a text';
}

$got = mail('hangs', timeout_ms => 1000);
is $got->{error}, 'timeout', 'no answer to a mail' or diag explain $got;
ok $got->{unsure}, 'it may have been taken';
$got = mail('closes');
is $got->{error}, 'broken', 'closed instead' or diag explain $got;
ok $got->{unsure}, 'it may have been taken';

$got = mail('mute', timeout_ms => 500);
is $got->{error}, 'timeout', 'not even a greeting';
ok !$got->{unsure}, 'nothing was sent';
is mail('shut')->{error}, 'broken', 'closed at once';
$got = mail('drops');
is $got->{error}, 'broken', 'closed in between';
ok !$got->{unsure}, 'nothing was sent';
is codes($got), '0';


# a relay of the deployment's own, at an address that is private

$p->configure(http => "$common pando_outbound_upstream relay 127.0.0.1:"
              . $server{plain}->port . ';');
$p->reload;
$got = mail(25, host => 'smtp.elsewhere.test', upstream => 'relay');
is $got->{error}, 'ok', 'over a relay' or diag explain $got;
is mail('plain')->{error}, 'refused_address', 'and only by its name';

unlike $p->log, qr/hush|wr0ng1|bWUA/, 'the log tells no passwords';
like $p->get('/metrics')->{body},
    qr/^pando_outbound_requests_total\{kind="mail",outcome="ok"\} \d/m;

done_testing;
