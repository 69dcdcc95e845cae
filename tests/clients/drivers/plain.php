<?php
// An order import in the style of the oldest MWS integrations: no library, one signed POST a call, SimpleXML.
// To move such a program to mws-bridge, change the settings and nothing else.

$settings = [
    'url' => getenv('MWS_URL') . '/Orders/2013-09-01',    // was https://mws.amazonservices.com/Orders/2013-09-01
    'access_key' => getenv('MWS_ACCESS_KEY'),
    'secret' => getenv('MWS_SECRET'),
    'seller' => getenv('MWS_SELLER'),
];
$filter = [
    'MarketplaceId.Id.1' => getenv('MWS_MARKETPLACE'),
    'CreatedAfter' => getenv('MWS_CREATED_AFTER'),
    'CreatedBefore' => getenv('MWS_CREATED_BEFORE'),
    'MaxResultsPerPage' => getenv('MWS_PAGE_SIZE'),
];
const RETRIES = 1;
const PAUSE = 1;    // seconds; an import at night waits 60, for one ListOrders comes back each minute

class MwsException extends Exception
{
    public $errorCode;
}

function mws_sign($verb, $url, array $params, $secret)
{
    uksort($params, 'strcmp');
    $pairs = [];
    foreach ($params as $name => $value) {
        $pairs[] = $name . '=' . rawurlencode($value);
    }
    $parts = parse_url($url);    // 'host' is the name alone: a port is not signed
    $text = implode("\n", [$verb, strtolower($parts['host']), $parts['path'], implode('&', $pairs)]);
    return base64_encode(hash_hmac('sha256', $text, $secret, true));
}

function mws_call(array $settings, $action, array $params)
{
    $params += [
        'Action' => $action,
        'AWSAccessKeyId' => $settings['access_key'],
        'SellerId' => $settings['seller'],
        'SignatureMethod' => 'HmacSHA256',
        'SignatureVersion' => '2',
        'Version' => '2013-09-01',
    ];
    for ($try = 0; ; $try++) {
        $signed = $params + ['Timestamp' => gmdate('Y-m-d\TH:i:s\Z')];
        $signed['Signature'] = mws_sign('POST', $settings['url'], $signed, $settings['secret']);
        $curl = curl_init($settings['url']);
        curl_setopt($curl, CURLOPT_POSTFIELDS, http_build_query($signed, '', '&'));
        curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
        curl_setopt($curl, CURLOPT_TIMEOUT, 20);
        $body = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_HTTP_CODE);
        if ($body === false) {
            throw new RuntimeException('No answer: ' . curl_error($curl));
        }
        if ($status != 503 || $try == RETRIES) {
            break;
        }
        sleep(PAUSE);
    }
    $xml = simplexml_load_string($body);
    if ($xml->getName() == 'ErrorResponse') {
        $error = new MwsException((string) $xml->Error->Message, $status);
        $error->errorCode = (string) $xml->Error->Code;
        throw $error;
    }
    return $xml->{$action . 'Result'};
}

function amount($money)
{
    return isset($money->Amount) ? (string) $money->Amount : null;
}

function import_orders(array $settings, array $filter)
{
    $result = ['pages' => 0, 'orders' => [], 'items' => []];
    $page = mws_call($settings, 'ListOrders', $filter);
    while (true) {
        $result['pages']++;
        foreach ($page->Orders->Order as $order) {
            $result['orders'][] = (string) $order->AmazonOrderId;
            $result['first'] = $result['first'] ?? [
                'PurchaseDate' => (string) $order->PurchaseDate,
                'OrderStatus' => (string) $order->OrderStatus,
                'OrderTotal' => amount($order->OrderTotal),
            ];
        }
        if (!isset($page->NextToken)) {
            break;
        }
        $page = mws_call($settings, 'ListOrdersByNextToken', ['NextToken' => (string) $page->NextToken]);
    }
    $two = ['AmazonOrderId.Id.1' => $result['orders'][0], 'AmazonOrderId.Id.2' => $result['orders'][1]];
    foreach (mws_call($settings, 'GetOrder', $two)->Orders->Order as $order) {
        $result['get_order'][] = (string) $order->AmazonOrderId;
    }
    foreach (array_slice($result['orders'], 0, getenv('MWS_ITEMS_OF')) as $id) {
        $result['items'][$id] = [];
        foreach (mws_call($settings, 'ListOrderItems', ['AmazonOrderId' => $id])->OrderItems->OrderItem as $item) {
            $result['items'][$id][] = [
                (string) $item->OrderItemId,
                (string) $item->ASIN,
                (string) $item->QuantityOrdered,
                amount($item->ItemPrice),
            ];
        }
    }
    return $result;
}

try {
    for ($call = getenv('MWS_SCENARIO') == 'throttle' ? getenv('MWS_CALLS') : 0; $call > 0; $call--) {
        mws_call($settings, 'ListOrders', $filter);
    }
    $answer = import_orders($settings, $filter);
} catch (MwsException $e) {
    $answer = ['error_type' => get_class($e), 'code' => $e->errorCode];
    $answer += ['status' => $e->getCode(), 'message' => $e->getMessage()];
}
echo json_encode($answer), "\n";
